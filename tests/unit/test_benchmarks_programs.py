"""Each measured program on a real broker, with few events: they start, learn everything, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import two_workers
from benchmarks.events import Stream
from benchmarks.live import live
from benchmarks.peers.programs import KAFKA_STREAMS_RECORDS, java_missing
from benchmarks.programs import BARE, PLAIN, WORKER, Peer, run
from headwater.cli.terminal import load_settings
from headwater.local_kafka.broker import LocalKafka
from streams.broker.admin import connect, read_metadata
from streams.broker.brokers import Brokers

pytestmark = [pytest.mark.integration, pytest.mark.bench]  # they measure processor time


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    with LocalKafka.from_settings(load_settings()) as kafka:
        yield kafka


@pytest.fixture
def brokers(kafka: LocalKafka) -> str:
    return kafka.bootstrap


@pytest.mark.parametrize("peer", [BARE, PLAIN, WORKER], ids=lambda peer: peer.name)
def test_a_program_learns_what_it_is_given(brokers: str, peer: Peer) -> None:
    stream, events = Stream("s", users=50, items=40), 40_000 // peer.scale
    measured = run(peer, brokers, "bench-test", stream, warm_up=200, events=events, timeout=60.0)
    assert measured.events == events
    assert 0 < measured.cpu_seconds < 60 and measured.wall_seconds > 0 and measured.memory_mib > 50
    left = read_metadata(connect(Brokers(brokers)), Brokers(brokers)).topics
    assert not [name for name in left if name.startswith("bench-test.")]


@pytest.mark.parametrize("peer", [WORKER, KAFKA_STREAMS_RECORDS], ids=lambda peer: peer.name)
def test_a_program_answers_every_event(kafka: LocalKafka, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    if peer is KAFKA_STREAMS_RECORDS and (why := java_missing()) is not None:
        pytest.skip(why)
    monkeypatch.setattr("benchmarks.live.LAST_RECORDS_SECONDS", 30.0)
    stream, groups = Stream("s", users=50, items=40), peer.groups("bench-live")
    with live(peer, kafka.bootstrap, kafka.pid, "bench-live", groups, stream, 2_000) as one:
        answered = one.hold(50, seconds=2.0, settle=1.0, seed=5)
    assert len(answered.milliseconds) == answered.sent == 100
    assert answered.rate == pytest.approx(50, rel=0.2) and 0 < answered.percentile(50) <= answered.percentile(99)
    assert answered.cores > 0 and answered.broker_cores > 0 and answered.client_cores > 0


def test_two_workers_share_the_events(kafka: LocalKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_workers, "WARM_UP", 5_000)
    caught = two_workers.catch_up(2, kafka, "bench-two", 20_000)
    assert len(caught.shares) == len(caught.busy) == 2
    assert sum(caught.shares) == pytest.approx(1) and min(caught.shares) > 0.2 and min(caught.busy) > 0
