"""One private Apache Kafka for the whole session; a namespace of its own for every test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.local_kafka.broker import LocalKafka
from streams.settings import Settings
from tests.integration.shop import Shop


@pytest.fixture(scope="session")
def kafka() -> Iterator[LocalKafka]:
    """A running broker, shared: leave it running and unpaused."""
    with LocalKafka.from_settings(Settings(), progress=print) as broker:
        yield broker


@pytest.fixture(scope="session")
def fragile_kafka() -> Iterator[LocalKafka]:
    """A second broker for those who pause, stop or kill it: leave it running."""
    with LocalKafka.from_settings(Settings(), progress=print) as broker:
        yield broker


@pytest.fixture
def namespace() -> str:
    """Topics, groups and state folders under it are this test's alone."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def shop(request: pytest.FixtureRequest, kafka: LocalKafka, namespace: str, tmp_path: Path) -> Iterator[Shop]:
    """Four user partitions, or as many as the mark ``user_partitions`` says; two item partitions."""
    mark = request.node.get_closest_marker("user_partitions")
    made = Shop(kafka.bootstrap, namespace, tmp_path, partitions=mark.args[0] if mark else 4)
    yield made
    made.close()
