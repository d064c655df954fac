"""Each measured program on a real broker, with few events: they start, learn everything, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.events import Stream
from benchmarks.programs import BARE, PLAIN, WORKER, Peer, run
from streams.admin import connect, read_metadata
from streams.cli.console import load_settings
from streams.local_kafka import LocalKafka

pytestmark = [pytest.mark.integration, pytest.mark.bench]  # they measure processor time


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    with LocalKafka.from_settings(load_settings()) as kafka:
        yield kafka.bootstrap


@pytest.mark.parametrize("peer", [BARE, PLAIN, WORKER], ids=lambda peer: peer.name)
def test_a_program_learns_what_it_is_given(brokers: str, peer: Peer) -> None:
    stream, events = Stream("s", users=50, items=40), 40_000 // peer.scale
    measured = run(peer, brokers, "bench-test", stream, warm_up=200, events=events, timeout=60.0)
    assert measured.events == events
    assert 0 < measured.cpu_seconds < 60 and measured.wall_seconds > 0 and measured.memory_mib > 50
    left = read_metadata(connect(brokers), brokers).topics
    assert not [name for name in left if name.startswith("bench-test.")]
