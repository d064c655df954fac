"""How far the sources of an assignment have come: what may be committed, and what must never go unnoticed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.engine.errors import BatchHoleError, LogReplacedError
from streams.engine.positions import SourcePositions
from tests.clocks import TurnedClock

A, B = TP("clicks", 0), TP("clicks", 1)


def run(*offsets: int) -> list[Any]:
    return [SimpleNamespace(offset=offset) for offset in offsets]


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def positions(clock: TurnedClock) -> SourcePositions:
    return SourcePositions({A: 100, B: None}, clock)


def test_the_longest_durable_prefix_of_batches_is_committed(positions: SourcePositions) -> None:
    """Holes between offsets, as transaction markers and compaction leave them, are nobody's."""
    batches = [positions.hand_out(A, run(100, 101)), positions.hand_out(A, run(105)), positions.hand_out(A, run(106))]
    assert positions.to_commit() == {}
    positions.settle([batches[0], batches[2]])
    assert positions.to_commit() == {A: 102}
    positions.committed({A: 102})
    assert positions.to_commit() == {}
    positions.settle([batches[1]])
    assert positions.to_commit() == {A: 107}


def test_a_commit_that_was_refused_is_tried_again(positions: SourcePositions) -> None:
    positions.settle([positions.hand_out(A, run(100))])
    assert positions.to_commit() == positions.to_commit() == {A: 101}


def test_batches_of_another_assignment_are_void(positions: SourcePositions, clock: TurnedClock) -> None:
    other = SourcePositions({A: 100}, clock)
    batch = other.hand_out(A, run(100))
    assert batch.origin is other
    positions.settle([batch])
    assert positions.to_commit() == {}


def test_a_batch_that_does_not_follow_the_one_before_is_a_fault(positions: SourcePositions) -> None:
    first, second, third = (positions.hand_out(A, run(offset)) for offset in (100, 101, 102))
    positions.begin(positions.hand_out(B, run(0)))
    positions.begin(first)
    with pytest.raises(BatchHoleError, match="expected the batch behind offset 100, got the one behind 101"):
        positions.begin(third)
    positions.begin(second)
    positions.begin(third)


@pytest.mark.parametrize("offset", [0, 100, 101])
def test_offsets_that_go_back_are_another_log(positions: SourcePositions, offset: int) -> None:
    positions.hand_out(A, run(100, 101))
    with pytest.raises(LogReplacedError, match="headwater topics accept clicks"):
        positions.hand_out(A, run(offset))


def test_done_is_where_nothing_waits(positions: SourcePositions) -> None:
    assert (positions.done(A), positions.done(B), positions.done(TP("other", 0))) == (100, None, None)
    batch = positions.hand_out(A, run(103, 104))  # 100 to 102 are markers
    assert positions.done(A) == 103
    positions.settle([batch])
    assert positions.done(A) == 105
    positions.see({A: 107}, {A: 108})  # markers at the end, too
    assert (positions.done(A), positions.highwater(A)) == (107, 108)
    positions.hand_out(A, run(108))
    assert positions.done(A) == 108


def test_what_waits_for_a_commit_has_an_age(positions: SourcePositions, clock: TurnedClock) -> None:
    assert positions.uncommitted_since(A) is None
    began = clock.monotonic()
    batch = positions.hand_out(A, run(100))
    clock.turn(5)
    positions.hand_out(A, run(101))
    assert positions.uncommitted_since(A) == began
    positions.settle([batch])
    clock.turn(5)
    positions.committed(positions.to_commit())
    assert positions.uncommitted_since(A) == began + 10, "the second batch waits for the next one"
    assert positions.uncommitted_since(B) is None
