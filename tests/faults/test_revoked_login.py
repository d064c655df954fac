"""A login is asked for again under a running worker, and in the end refused: it goes on, then stops and says so."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from headwater.local_kafka.broker import LocalKafka
from streams.settings import Settings
from tests.faults.events import Mixed
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
USER, PASSWORD = "hw", "first-password"
AGAIN_MS = 3_000  # a login is good for this long
PART = 150
PROPERTIES = {
    "listener.name.logins.sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.logins.scram-sha-512.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "listener.name.logins.connections.max.reauth.ms": str(AGAIN_MS),
}


@pytest.fixture
def kafka() -> Iterator[LocalKafka]:
    """A broker with a listener that asks for a login, again and again."""
    settings = Settings()
    with LocalKafka(
        settings.cache_dir, kafka_home=settings.kafka_home, properties=PROPERTIES,
        listeners={"LOGINS": "SASL_PLAINTEXT"}, progress=print,
    ) as broker:  # fmt: skip
        yield broker


def set_password(kafka: LocalKafka, password: str) -> None:
    credential = UserScramCredentialUpsertion(
        USER, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), password.encode()
    )
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.alter_user_scram_credentials([credential])[USER].result(30)


def test_a_login_that_is_made_again_and_then_refused(kafka: LocalKafka, shop: Shop, real_lines: Mixed) -> None:
    """Logins that run out and a restarted broker cost nothing; a revoked password stops the worker, in words."""
    set_password(kafka, PASSWORD)
    worker = shop.worker(
        HEADWATER_BROKERS=kafka.address("LOGINS"),
        HEADWATER_SECURITY_PROTOCOL="SASL_PLAINTEXT",
        HEADWATER_SASL_MECHANISM="SCRAM-SHA-512",
        HEADWATER_SASL_USERNAME=USER,
        HEADWATER_SASL_PASSWORD=PASSWORD,
    )
    worker.wait_ready()
    events, sent = real_lines.events, 0

    def send(seconds: float) -> None:
        """A part of the events, spread over the time."""
        nonlocal sent
        for line in events[sent : sent + PART]:
            shop.send(line["topic"], line["value"])
            time.sleep(seconds / PART)
        sent += PART

    send(4 * AGAIN_MS / 1000)
    shop.flush()
    kafka.stop()
    send(1.0)  # they wait in the producer
    kafka.start()
    shop.flush()
    shop.wait_lag_zero()
    assert not worker.exited, worker.log()[-3000:]

    set_password(kafka, "second-password")
    send(1.0)
    shop.flush()
    for code in (1, 2):
        assert worker.wait(60) == code, worker.log()[-3000:]
        last = worker.log().rstrip().splitlines()[-1]
        assert "authentication failed" in last and "HEADWATER_SASL_PASSWORD" in last, worker.log()[-3000:]
        assert "Traceback" not in worker.log() and "-password" not in worker.log()
        worker.start()
    assert worker.wait(60) == 2
    worker.env["HEADWATER_SASL_PASSWORD"] = "second-password"
    worker.start()
    shop.wait_lag_zero()
    assert_exact(shop)
    assert worker.stop() == 0, worker.log()[-3000:]
