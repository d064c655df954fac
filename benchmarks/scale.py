"""``python -m benchmarks.scale``: what an event and a ranking cost in small and in large shops, without a broker.

An event is learned as the stages do it: the user's state and factors, the messages to the item partitions, reading
them, and the item rows. Shops are made full (``benchmarks.world``). All states are in memory; ``benchmarks.memory``
prints what a state costs that is not. Every size takes turns with the smallest one, so that a ratio compares the
same minutes. Each pair is made in its own process: in a process that held a shop of a million users before, the
strings of the next lie scattered.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.report import MET, NOT_MET, print_limit, status_of
from benchmarks.world import ITEM_PARTITIONS, NOW_MS, clicks, index_of, users_of
from operators import Recommender
from operators.learning.item_updates import unpack
from streams.stages.profiles import UPDATES_BYTES

SMALL = 10_000
SIZES = (100_000, 1_000_000)
GROUP, GROUPS, WARM_UP = 4_096, 9, 3
RANKINGS = 100
FLAT, RANKING_MS = 1.2, 2.0
_T = TypeVar("_T")
STEPS = ("user state", "user kernel", "pack", "unpack", "item kernels")


class Beside(NamedTuple):
    """A size measured beside the smallest one."""

    row: list[str]
    ratios: list[float]
    """How many times the smallest one's cost each of its groups was."""
    rankings: list[float]


class Shop:
    """A shop of a size, and what its groups of events and its rankings took."""

    def __init__(self, users: int, items: int) -> None:
        self.users, self.items = users, items
        self._index = index_of(items)
        self._states = users_of(self._index, users)
        self._recommender = Recommender(self._index.parameters, self._index, seed=7)
        self._offset = self._message = self._turns = 0
        self.events: list[list[float]] = []
        """Microseconds an event by step (processor time), one list a group."""
        self.rankings: list[float] = []
        """Microseconds of each ranking."""

    def turn(self, *, counts: bool) -> None:
        """A group of events, then rankings for users drawn evenly."""
        self._turns += 1
        steps = self._learn(self._turns)
        whom = np.random.default_rng(self._turns).integers(0, self.users, RANKINGS).tolist()
        rankings = [self._rank(user) for user in whom]
        if counts:
            self.events.append(steps)
            self.rankings.extend(rankings)

    def _learn(self, seed: int) -> list[float]:
        events = list(clicks(self._states, self.items, GROUP, seed))
        recommender, index, first = self._recommender, self._index, self._offset
        self._offset += len(events)
        clock = [time.process_time()]
        for offset, (state, event, time_ms) in enumerate(events, first):
            recommender.observe(state, event, time_ms, 1, offset)
        clock.append(time.process_time())
        updates = recommender.flush()
        assert updates is not None
        clock.append(time.process_time())
        rounds = list(updates.messages(index, ITEM_PARTITIONS, UPDATES_BYTES))
        clock.append(time.process_time())
        received = [(part, unpack(message, index)) for messages in rounds for part, message in messages.items()]
        clock.append(time.process_time())
        for part, update in received:
            recommender.apply(update, part, self._message)
            self._message += 1
        clock.append(time.process_time())
        return [(end - begin) / len(events) * 1e6 for begin, end in itertools.pairwise(clock)]

    def _rank(self, user: int) -> float:
        began = time.perf_counter()
        self._recommender.rank(self._states[user], now_ms=NOW_MS + self._offset)
        return (time.perf_counter() - began) * 1e6

    @property
    def event_us(self) -> list[float]:
        return [sum(steps) for steps in self.events]

    def row(self) -> list[str]:
        """Its line of the table."""
        steps = [statistics.median(column) for column in zip(*self.events, strict=True)]
        ranked = np.percentile(self.rankings, (50, 99, 100))
        return [
            f"{self.users:,}",
            f"{self.items:,}",
            f"{statistics.median(self.event_us):.1f}",
            *(f"{step:.1f}" for step in steps),
            *(f"{took:,.0f}" for took in ranked),
        ]


def compare(small: Shop, large: Shop | None, groups: int) -> list[float]:
    """Turns of both; how many times the smaller one's cost each of the larger one's groups was."""
    gc.collect()
    gc.freeze()
    shops = [small] if large is None else [small, large]
    try:
        for number in range(WARM_UP + groups):
            for shop in shops:
                shop.turn(counts=number >= WARM_UP)
    finally:
        gc.unfreeze()
    if large is None:
        return []
    return [mine / other for other, mine in zip(small.event_us, large.event_us, strict=True)]


def smallest(groups: int) -> list[str]:
    """The smallest shop's line of the table."""
    shop = Shop(SMALL, SMALL)
    compare(shop, None, groups)
    return shop.row()


def beside(users: int, items: int, groups: int) -> Beside:
    """A size, in turns with the smallest one."""
    small, shop = Shop(SMALL, SMALL), Shop(users, items)
    ratios = compare(small, shop, groups)
    return Beside(shop.row(), ratios, shop.rankings)


def apart(work: Callable[..., _T], *arguments: int) -> _T:
    """What ``work`` returns, done in a process of its own."""
    fresh, as_the_worker = multiprocessing.get_context("spawn"), (100_000, 50, 100)
    with ProcessPoolExecutor(1, fresh, initializer=gc.set_threshold, initargs=as_the_worker) as process:
        return process.submit(work, *arguments).result()


def run(console: Console, sizes: Sequence[int], groups: int) -> bool:
    """Measure every size, print, and say whether the bars are met."""
    made = Table(title=f"An event and a ranking by size (medians of {groups} groups of {GROUP:,} events)")
    made.title_justify = "left"
    for heading in ("users", "items", "µs an event", *STEPS, "ranking p50, µs", "p99", "longest"):
        made.add_column(heading, justify="right")
    made.add_row(*apart(smallest, groups))
    flat: list[tuple[str, list[float]]] = []
    rankings: list[float] = []
    for users, items in [*((size, SMALL) for size in sizes), *((SMALL, size) for size in sizes)]:
        began = time.monotonic()
        size = apart(beside, users, items, groups)
        made.add_row(*size.row)
        flat.append((f"an event with {users:,} users, {items:,} items / smallest", size.ratios))
        console.print(f"{users:,} users, {items:,} items: {time.monotonic() - began:.0f} s", highlight=False)
        rankings = size.rankings
    console.print(made)
    met = [print_limit(console, what, ratios, FLAT) for what, ratios in flat]
    slowest = [float(np.percentile(part, 99)) / 1000 for part in np.array_split(np.array(rankings), groups)]
    met.append(print_limit(console, f"ranking at {sizes[-1]:,} items, p99 in ms", slowest, RANKING_MS))
    return all(met)


def main() -> int:
    """Measure and print; the status is one of those in ``benchmarks.report``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="users and items beside the smallest")
    parser.add_argument("--quick", action="store_true", help="up to 100,000, five groups")
    chosen = parser.parse_args()
    console = Console(width=max(150, Console().width))
    sizes, groups = (SIZES[:1], 5) if chosen.quick else (chosen.sizes, GROUPS)
    return status_of(console, lambda: MET if run(console, sizes, groups) else NOT_MET)


if __name__ == "__main__":
    sys.exit(main())
