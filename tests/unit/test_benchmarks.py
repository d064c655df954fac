"""The benchmarks' input, accounting and peer values: what their figures rest on."""

from __future__ import annotations

import gzip
import itertools
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.events import NEWEST_MS, OLDEST_MS, Input, Stream, mean_history, past
from benchmarks.json_values import item_value, user_state, user_value
from benchmarks.measure import Measured
from benchmarks.program import running
from benchmarks.throughput import ratios
from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import encode_user
from operators.state.user_state import UserState
from schemas.kinds import Kind
from schemas.parse import parse
from schemas.records import CatalogItem, Click, Purchase, Search

pytestmark = pytest.mark.bench  # they measure processor time: alone, or not at all

NOW_MS = 1_790_000_000_000


def read(stream: Stream, count: int) -> list[Input]:
    return list(stream.read(count, past(NOW_MS)))


def test_a_stream_is_the_same_again_and_another_with_another_seed() -> None:
    stream = Stream("s", users=100, items=60)
    assert read(stream, 500) == read(stream, 500)
    assert [e.key for e in read(stream, 500)] != [e.key for e in read(Stream("s", users=100, items=60, seed=8), 500)]


def test_a_longer_stream_begins_with_the_shorter_one() -> None:
    stream = Stream("s", users=100, items=60)
    longer = read(stream, 60_000)[:500]
    assert [(e.kind, e.key) for e in longer] == [(e.kind, e.key) for e in read(stream, 500)]


def test_every_event_parses_and_is_as_described() -> None:
    events = read(Stream("s"), 20_000)
    parsed = [parse(e.kind, e.value, key=e.key, now_ms=NOW_MS) for e in events]
    assert all(isinstance(record, Click | Search | Purchase) for record in parsed)
    assert [record.occurred_at for record in parsed] == [e.time_ms for e in events]  # type: ignore[union-attr]
    assert (events[0].time_ms, events[-1].time_ms) == (NOW_MS - OLDEST_MS, NOW_MS - NEWEST_MS)
    shares = Counter(e.kind for e in events)
    assert shares[Kind.CLICK] / 20_000 == pytest.approx(0.8, abs=0.02)
    assert shares[Kind.SEARCH] / 20_000 == pytest.approx(0.1, abs=0.02)
    assert 180 <= sum(len(e.value) for e in events) / 20_000 <= 220
    assert len({record.event_id for record in parsed}) == 20_000  # type: ignore[union-attr]


def test_users_and_items_follow_zipf() -> None:
    events = read(Stream("s", users=1_000, items=500), 20_000)
    busiest = [count for _, count in Counter(e.key for e in events).most_common()]
    assert busiest[0] > 5 * busiest[100] > 0


def test_the_catalogue_names_every_item() -> None:
    stream = Stream("s", items=40)
    records = [parse(Kind.CATALOG, value, key=key, now_ms=NOW_MS) for key, value in stream.catalog()]
    assert len(records) == 40 and all(isinstance(record, CatalogItem) for record in records)
    named = {record.item_id for record in records}  # type: ignore[union-attr]
    clicked = {msgspec.json.decode(e.value)["item_id"] for e in read(stream, 2_000) if e.kind is not Kind.SEARCH}
    assert clicked <= named


def test_a_log_is_repeated_for_other_users(tmp_path: Path) -> None:
    values = [
        {"event_id": f"x{n}", "user_id": f"u{n}", "item_id": "i1", "occurred_at": "2014-04-01T01:00:00Z"}
        for n in (1, 2)
    ]
    lines = [msgspec.json.encode({"topic": "events.click.v1", "value": value}) for value in values]
    log = tmp_path / "log.jsonl.gz"
    log.write_bytes(gzip.compress(b"\n".join(lines)))
    events = read(Stream("log", log), 5)
    assert [e.key for e in events] == [b"u1-0", b"u2-0", b"u1-1", b"u2-1", b"u1-2"]
    assert all(isinstance(parse(e.kind, e.value, key=e.key, now_ms=NOW_MS), Click) for e in events)
    assert not list(Stream("log", log).catalog())


def test_a_log_without_events_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"topic": "catalog.items.v1", "value": {}}\n')
    with pytest.raises(ValueError, match="no events"):
        read(Stream("log", log), 1)


def test_mean_history_counts_earlier_item_events_of_the_user() -> None:
    stream = Stream("s", users=1, items=40)
    kinds = [e.kind for e in read(stream, 40)]
    before = list(itertools.accumulate((kind is not Kind.SEARCH for kind in kinds), initial=0))
    expected = [min(before[n], 5) for n in range(10, 40) if kinds[n] is not Kind.SEARCH]
    assert mean_history(stream, 10, 40, most=5) == pytest.approx(sum(expected) / len(expected))


BURN = """
import os, threading, time
def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
if os.fork() == 0:
    burn(0.4); time.sleep(60); os._exit(0)
if os.fork() == 0:
    burn(0.3); os._exit(0)
thread = threading.Thread(target=burn, args=(0.5,)); thread.start(); thread.join()
os.wait()
print(sum(os.times()[:4]) + 0.4, flush=True)  # its own and the ended child's, and what the living one burns
time.sleep(60)
"""


def test_processor_time_has_threads_living_children_and_ended_ones(tmp_path: Path) -> None:
    with running([sys.executable, "-c", BURN], tmp_path / "burn") as program:
        deadline = time.monotonic() + 60
        while not (burnt := program.log.read_text()) or program.cpu_seconds() < float(burnt) - 0.1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert float(burnt) >= 1.1
        assert program.cpu_seconds() < float(burnt) + 0.1  # /proc counts in ticks of 10 ms
        assert program.memory_mib() > 5


def test_a_program_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    with running([sys.executable, "-c", "raise SystemExit('no broker')"], tmp_path / "ends") as program:
        deadline = time.monotonic() + 30
        with pytest.raises(BenchmarkError, match="no broker"):
            while time.monotonic() < deadline:
                program.check()
                time.sleep(0.05)


def test_ratios_pair_the_runs() -> None:
    def runs(*rates: float) -> list[Measured]:
        return [Measured(int(rate), 1.0, 1.0, 0.0) for rate in rates]

    measured = {"worker": runs(300, 800), "plain": runs(10, 20)}
    assert ratios(measured, "worker", "plain") == [30, 40]


def learned() -> tuple[UserState, ItemIndex]:
    parameters = Parameters()
    index = ItemIndex(parameters)
    recommender, state = Recommender(parameters, index), UserState.fresh("user-0000000", parameters)
    for offset, event in enumerate(read(Stream("s", users=1, items=60), 80)):
        record = parse(event.kind, event.value, now_ms=NOW_MS)
        assert isinstance(record, Click | Search | Purchase)
        recommender.learn(state, record, event.time_ms, 0, offset)
    recommender.learn(state, Click("e", state.user_id, "film-000001", NOW_MS, action="hide"), NOW_MS, 0, 99)  # type: ignore[arg-type]
    return state, index


def test_a_plain_faust_value_keeps_the_whole_user() -> None:
    state, index = learned()
    value = msgspec.json.decode(msgspec.json.encode(user_value(state, index)))
    assert encode_user(user_state(state.user_id, value, index, index.parameters), index) == encode_user(state, index)


def test_a_plain_faust_value_keeps_the_whole_item() -> None:
    _, index = learned()
    item = int(index.interactions.argmax())
    value = item_value(index, item)
    assert sum(value["neighbours"].values()) == pytest.approx(index.neighbour_weights[item].sum(), rel=1e-5)
    assert value["popularity"] > 0 and len(value["factors"]) == index.parameters.factors
