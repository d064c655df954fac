"""How a program is measured: its CPU and wall time from one drained state to the next, seen from outside.

*Drained* means that the consumer groups have committed everything that was produced, and everything that the program
itself has put into its internal topics. A measurement starts drained, after a warm-up (compilation, caches, first
states). Then all measured events become visible at once, because they are produced in one Kafka transaction. It ends
when the program is drained again. So no work is counted twice or forgotten, whatever a program does ahead or behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.events import Input
from benchmarks.feed import Feed, Offsets
from benchmarks.program import Measurable
from schemas.kinds import Kind

POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """Events that a program worked on, and what they took.

    Processor time is that of all work, internal topics included; the clock stops when the last event is committed (what
    is left then is paced on purpose: the worker's publication of changed item rows).
    """

    events: int
    cpu_seconds: float
    wall_seconds: float
    memory_mib: float

    @property
    def per_cpu_second(self) -> float:
        return self.events / self.cpu_seconds

    @property
    def per_second(self) -> float:
        return self.events / self.wall_seconds


@dataclass(frozen=True, slots=True)
class Groups:
    """Who must have committed what: ``events`` the produced records, ``internal`` (group, topic) pairs all there is."""

    events: str
    internal: Sequence[tuple[str, str]] = ()
    catalog: str | None = None
    """The group that reads the catalogue; None: no catalogue is produced."""
    durable: Callable[[Any], Offsets] | None = None
    """For a program that keeps its offsets itself and commits to no group: reads them."""


def wait_drained(feed: Feed, groups: Groups, program: Measurable, timeout: float) -> float:
    """Wait until the program has worked on everything; returns when (monotonic) the last event was committed, before
    internal topics were. Raises :class:`BenchmarkError` after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    events_done = None
    while True:
        behind = _behind(feed, groups, program)
        if not behind:
            events_done = events_done or time.monotonic()
            if _internal_done(feed, groups):
                return events_done
        program.check()
        if time.monotonic() > deadline:
            raise BenchmarkError(
                f"not done within {timeout:.0f} s, {behind} events are left; the last lines:\n{program.tail()}"
            )
        time.sleep(POLL_SECONDS)


def _internal_done(feed: Feed, groups: Groups) -> bool:
    for group, topic in groups.internal:
        committed = feed.committed(group, [topic])
        if any(committed.get(place, 0) < end for place, end in feed.ends(topic).items()):
            return False
    return True


def _behind(feed: Feed, groups: Groups, program: Measurable) -> int:
    """Produced records that are not committed yet."""
    catalog, topics = feed.name(Kind.CATALOG), {topic for topic, _ in feed.produced}
    if groups.durable is not None:
        committed = groups.durable(program)
    else:
        committed = feed.committed(groups.events, topics - {catalog})
    if groups.catalog is not None:
        committed |= feed.committed(groups.catalog, topics & {catalog})
    return sum(max(0, end - committed.get(place, 0)) for place, end in feed.produced.items())


def measure(
    feed: Feed, groups: Groups, program: Measurable, inputs: Iterable[Input], *, at_once: bool, timeout: float
) -> Measured:
    """Produce ``inputs`` for a drained program and measure it until it is drained again."""
    began: list[tuple[float, float]] = []

    def begin() -> None:
        began.append((time.monotonic(), program.cpu_seconds()))

    if not at_once:
        begin()
    count = feed.produce(inputs, at_once=at_once, before_commit=begin)
    committed_at = wait_drained(feed, groups, program, timeout)
    wall, cpu = began[0]
    return Measured(count, program.cpu_seconds() - cpu, committed_at - wall, program.memory_mib())
