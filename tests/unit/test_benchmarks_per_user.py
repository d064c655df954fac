"""The per-user benchmark: what counts as right, and each peer on a real broker with few events."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from benchmarks import per_user
from benchmarks.errors import BenchmarkError
from benchmarks.events import Stream
from benchmarks.measure import Measured
from benchmarks.peers import packages
from benchmarks.peers.programs import HEADWATER, HEADWATER_FEW, PEERS, CountPeer, _decode_binary, _quix_key
from benchmarks.peers.user_counts import RECENT, Click, Counts, clicks, difference, expected
from benchmarks.report import INCOMPLETE, MET
from headwater.cli.terminal import load_settings
from headwater.local_kafka.broker import LocalKafka
from schemas.kinds import Kind

STREAM = Stream("clicks", users=20, items=40)


def test_clicks_are_clicks_and_the_same_every_time() -> None:
    first, again = (list(clicks(STREAM, 500)) for _ in range(2))
    assert len(first) == 500 and {event.kind for event in first} == {Kind.CLICK}
    items = [[msgspec.json.decode(event.value, type=Click).item_id for event in events] for events in (first, again)]
    assert items[0] == items[1] and [e.key for e in first] == [e.key for e in again]


def test_expected_states() -> None:
    users = expected(STREAM, 5_000)
    events = [msgspec.json.decode(event.value, type=Click) for event in clicks(STREAM, 5_000)]
    assert {name: user.count for name, user in users.items()} == Counter(click.user_id for click in events)
    busiest = max(users, key=lambda name: users[name].count)
    assert users[busiest].recent == [click.item_id for click in events if click.user_id == busiest][-RECENT:]
    assert users[busiest].actions == {"click": users[busiest].count}


def test_a_difference_is_told() -> None:
    wanted = {"u": Counts(2, {"click": 2}, ["a", "b"])}
    assert difference({"u": Counts(2, {"click": 2}, ["a", "b"], applied=7)}, wanted) is None
    assert "1 of 2 events" in str(difference({"u": Counts(1, {"click": 1}, ["a"])}, wanted))
    assert "state of u" in str(difference({"u": Counts(2, {"click": 2}, ["b", "a"])}, wanted))
    assert "0 of 2" in str(difference({}, wanted))


def test_states_of_other_programs_are_read() -> None:
    text = lambda value: struct.pack(">h", len(value)) + value  # noqa: E731
    stored = struct.pack(">ih", 3, 1) + text(b"click") + struct.pack(">ih", 3, 2) + text(b"a") + text("é".encode())
    assert _decode_binary(stored) == Counts(3, {"click": 3}, ["a", "é"])
    assert _quix_key(b'user-1|"user"') == _quix_key(b'"user-1"|"user"') == "user-1"


def test_a_peer_that_is_not_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_BENCH_PEERS", str(tmp_path))
    assert "bytewax is not installed" in str(packages.missing("bytewax"))
    (tmp_path / "bytewax").mkdir()
    assert packages.missing("bytewax") is None


def test_a_missing_peer_that_has_a_bar_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fast, slow = [Measured(1_000, 1.0, 1.0, 0.0)], [Measured(10, 1.0, 1.0, 0.0)]

    def measured(peers: list[CountPeer], *_: object) -> dict[CountPeer, list[Measured]]:
        return {peer: fast if peer in (HEADWATER, HEADWATER_FEW) else slow for peer in peers}

    monkeypatch.setattr(per_user, "measure_all", measured)
    monkeypatch.setenv("HEADWATER_BENCH_PEERS", str(tmp_path))
    (tmp_path / "quixstreams").mkdir()
    monkeypatch.setattr("sys.argv", ["per_user", "--only", "Quix Streams"])
    assert per_user.main() == MET
    monkeypatch.setattr("sys.argv", ["per_user", "--only", "Quix Streams", "Bytewax"])
    assert per_user.main() == INCOMPLETE


@pytest.fixture(scope="module")
def brokers() -> Iterator[str]:
    with LocalKafka.from_settings(load_settings()) as kafka:
        yield kafka.bootstrap


@pytest.mark.integration
@pytest.mark.bench
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_program_counts_what_it_is_given(brokers: str, peer: CountPeer) -> None:
    if (why := peer.missing()) is not None:
        pytest.skip(why)
    events = 20_000 // peer.peer.scale
    measured = per_user.run(peer, brokers, f"bench-test-{PEERS.index(peer)}", events)
    assert measured.events == events and measured.cpu_seconds > 0


@pytest.mark.integration
@pytest.mark.bench
def test_a_program_that_is_wrong_has_no_figure(brokers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(per_user, "VERIFY_TIMEOUT", 0.0)
    monkeypatch.setattr(per_user, "expected", lambda stream, events: expected(stream, events - 1))
    with pytest.raises(BenchmarkError, match=r"5,000 of 4,999"):
        per_user.run(HEADWATER, brokers, "bench-test-wrong", 4_000)
