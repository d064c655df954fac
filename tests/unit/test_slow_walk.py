"""A slow walk comes to every row of every partition, however fast time flies and however busy the machine is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from streams.stages.slow_walk import LEAST, SlowWalk
from tests.clocks import TurnedClock

ROWS = 3 * LEAST


class Rows:
    """A table whose partitions all hold the same rows."""

    def walk(self, _partition: int) -> Iterator[tuple[bytes, bytes]]:
        return ((b"key-%d" % n, b"value") for n in range(ROWS))


def walk_of(due: Any) -> tuple[SlowWalk, Counter[tuple[int, bytes]]]:
    seen: Counter[tuple[int, bytes]] = Counter()
    table: Any = Rows()
    busy = TurnedClock(ticks=1.0)  # the time of a slice is over before the work began
    return SlowWalk(table, due, lambda partition, key, _value: seen.update([(partition, key)]), busy), seen


def test_partitions_that_are_always_due_take_turns() -> None:
    """In a replay a day passes in less time than a walk takes: the first partition is due again after its walk."""
    walk, seen = walk_of(lambda _partition: True)
    walk.restore((0, 1, 2))
    for _ in range(2 * 3 * (ROWS + 1) // LEAST):
        walk.slice()
    rounds = {partition: {seen[partition, b"key-%d" % n] for n in range(ROWS)} for partition in range(3)}
    assert all(counts <= {1, 2, 3} for counts in rounds.values()), rounds


def test_a_slice_ends_where_nothing_is_due_and_nothing_is_there() -> None:
    walk, seen = walk_of(lambda _partition: False)
    walk.restore((0, 1))
    walk.slice()
    assert not seen

    empty, found = walk_of(lambda _partition: True)
    empty._table.walk = lambda _partition: iter(())  # type: ignore[method-assign]
    empty.restore((0, 1))
    empty.slice()
    assert not found


def test_what_was_walked_is_forgotten_with_the_partitions() -> None:
    walk, seen = walk_of(lambda _partition: True)
    walk.restore((0,))
    walk.slice()
    walk.restore(())
    walk.slice()
    assert sum(seen.values()) == LEAST - 1  # the first step found the partition
