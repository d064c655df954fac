"""A consumer group that the broker does not let a worker into: it says so instead of waiting for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.local_kafka.broker import LocalKafka
from streams.settings import Settings
from tests.integration.shop import Shop

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture
def patient_kafka() -> Iterator[LocalKafka]:
    """A broker that takes no short sessions, as Kafka by default."""
    settings, least = Settings(), {"group.min.session.timeout.ms": "6000"}
    with LocalKafka(settings.cache_dir, kafka_home=settings.kafka_home, properties=least) as broker:
        yield broker


def test_a_session_that_is_too_short_for_the_broker(patient_kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    shop = Shop(patient_kafka.bootstrap, namespace, tmp_path)
    worker = shop.worker(HEADWATER_SESSION_TIMEOUT="2")
    try:
        assert worker.wait(90) == 1
        last = worker.log().rstrip().splitlines()[-1]
        assert "HEADWATER_SESSION_TIMEOUT" in last and f"{namespace}." in last and "Traceback" not in worker.log()
        worker.env["HEADWATER_SESSION_TIMEOUT"] = "6"
        worker.start()
        worker.wait_ready()
        assert worker.stop() == 0
    finally:
        shop.close()
