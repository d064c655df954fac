"""``python -m benchmarks.breakdown``: where each microsecond of an event goes, step by step, without a broker.

The steps are those of the worker's stages, in their order, over groups as large as while it catches up. What is
missing (fetching, record batches, RocksDB, waiting) is the difference to the worker's figure in
``benchmarks.throughput``.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.events import Input, Stream, past
from headwater.cli.terminal import load_settings
from operators import ItemIndex, Parameters, Recommender, UserState
from operators.learning.item_updates import unpack
from operators.narration.frames import FrameLibrary
from operators.ranking.ranker import RankedList
from operators.state.item_codec import encode_item
from operators.state.user_codec import encode_user
from schemas.parse import parse
from schemas.records import CatalogItem
from schemas.rejection import Rejection
from streams.broker.incarnations import Incarnation
from streams.broker.partitioning import partition_of
from streams.broker.update_messages import source_number
from streams.engine import Outbox
from streams.metrics import Metrics
from streams.model.admission import Priority
from streams.model.live import LiveNarration
from streams.stages.answers import AnsweredEvent, Answers
from streams.stages.context import Context
from streams.stages.event_time import event_time
from streams.topology import CLICK, EVENTS

GROUP, GROUPS_A_CHECKPOINT = 16_384, 2
ITEM_PARTITIONS = 4
TOLERANCE_MS = 300_000
_NUMBERS = {kind: topic.source_number for kind, topic in EVENTS.items()}


class Breakdown:
    """Runs groups of events through the steps; ``seconds`` of processor time add up by step."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.sizes: defaultdict[str, int] = defaultdict(int)
        self._parameters = Parameters()
        self._index = ItemIndex(self._parameters, lambda key: partition_of(key, ITEM_PARTITIONS))
        self._recommender = Recommender(self._parameters, self._index, seed=7)
        self._states: dict[str, UserState] = {}
        self._dirty_users: set[str] = set()
        self._dirty_items: set[int] = set()
        self._offsets: defaultdict[int, int] = defaultdict(int)
        self._messages = 0

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started = time.process_time()
        yield
        self.seconds[name] += time.process_time() - started

    def catalog(self, stream: Stream) -> None:
        """Take the catalogue in; not measured."""
        for _, value in stream.catalog():
            self._index.set_catalog(msgspec.json.decode(value, type=CatalogItem))

    def group(self, inputs: Sequence[Input], now_ms: int) -> None:
        """A group of the profiles stage, and what the items stage makes of its messages."""
        with self._step("decode and check (schemas.parse)"):
            events: list[Any] = [parse(kind, value, key=key, now_ms=now_ms) for kind, key, value, _ in inputs]
        refused = [event for event in events if isinstance(event, Rejection)]
        if refused:
            raise ValueError(f"{len(refused)} events are refused, the first one: {refused[0]}")
        with self._step("time rules (streams.stages.event_time)"):
            times = [
                event_time(sent.time_ms, event.occurred_at, now_ms, TOLERANCE_MS)
                for sent, event in zip(inputs, events, strict=True)
            ]
        for event in events:
            if event.user_id not in self._states:
                self._states[event.user_id] = UserState.fresh(event.user_id, self._parameters)
        with self._step("user state (Recommender.observe)"):
            self._observe(inputs, events, times)
        with self._step("user kernel (Recommender.flush)"):
            updates = self._recommender.flush()
        if updates is None:
            return
        with self._step("pack item updates (ItemUpdates.split)"):
            messages = updates.split(self._index, ITEM_PARTITIONS)
        self.sizes["item updates"] += sum(map(len, messages.values()))
        for partition, message in messages.items():
            with self._step("unpack item updates"):
                received = unpack(message, self._index)
            with self._step("item kernels (Recommender.apply)"):
                touched = self._recommender.apply(received, partition, self._messages)
            self._dirty_items.update(touched.tolist())
        self._messages += 1

    def _observe(self, inputs: Sequence[Input], events: Sequence[Any], times: Sequence[Any]) -> None:
        states, observe, offsets = self._states, self._recommender.observe, self._offsets
        for sent, event, at in zip(inputs, events, times, strict=True):
            source = source_number(0, _NUMBERS[sent.kind], 0)
            offset = offsets[source]
            offsets[source] = offset + 1
            observe(states[event.user_id], event, at.occurred, source, offset)
            self._dirty_users.add(event.user_id)

    def checkpoint(self) -> None:
        """Encode what changed since the last time."""
        with self._step("encode changed users (a checkpoint)"):
            users = [encode_user(self._states[user], self._index) for user in sorted(self._dirty_users)]
        with self._step("encode changed items (a publication)"):
            items = [encode_item(self._index, item) for item in sorted(self._dirty_items)]
        self.sizes["changed users"] += sum(map(len, users))
        self.sizes["changed items"] += sum(map(len, items))
        self._dirty_users.clear()
        self._dirty_items.clear()

    def answer(self, count: int, now_ms: int) -> None:
        """Answer one event of each of ``count`` users; ``seconds`` of the ranking are within those of the whole."""
        settings = load_settings(model_backend="none")
        metrics = Metrics(settings.namespace)
        recommender = _TimedRecommender(self._recommender)
        ids = {CLICK.name(settings.namespace): Incarnation("AAAAAAAAAAAAAAAAAAAAAA", 0, settings.user_partitions)}
        live = LiveNarration(settings, metrics)
        context = Context(settings, self._index, recommender, metrics, ids, live)  # type: ignore[arg-type]
        answers, outbox = Answers(context, FrameLibrary.load()), Outbox()
        for offset, state in enumerate(itertools.islice(self._states.values(), count)):
            item = self._index.ids[state.recent_items[0]] if state.recent_items else None
            event = AnsweredEvent(
                state, CLICK.name(settings.namespace), 0, offset, f"e{offset}", now_ms, now_ms, item, None, None,
                Priority.OTHER,
            )  # fmt: skip
            answers.begin([event])
            with self._step("answer an event: rank, explain, narrate, encode"):
                answers.answer(event, outbox)
        self.seconds["of it: rank and explain (Recommender.rank)"] += recommender.seconds
        self.sizes["record"] += sum(len(out.value or b"") for records in outbox.records.values() for out in records)


class _TimedRecommender:
    """The recommender, with the seconds spent in ``rank``."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self.parameters = recommender.parameters
        self.seconds = 0.0

    def rank(self, state: UserState, **how: Any) -> RankedList:
        started = time.process_time()
        ranked = self._recommender.rank(state, **how)
        self.seconds += time.process_time() - started
        return ranked

    def telling_categories(self, one: int, other: int) -> list[str]:
        return self._recommender.telling_categories(one, other)


def run(warm_up: int, events: int) -> Breakdown:
    """Seconds by step over ``events`` events after a warm-up."""
    now_ms = time.time_ns() // 1_000_000
    stream = Stream("synthetic")
    inputs = stream.read(warm_up + events, past(now_ms))
    work, done = Breakdown(), 0
    work.catalog(stream)
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as the worker has it
    for number in itertools.count(1):
        group = list(itertools.islice(inputs, GROUP))
        if not group:
            return work
        work.group(group, now_ms)
        if number % GROUPS_A_CHECKPOINT == 0:
            work.checkpoint()
        if done < warm_up <= done + len(group):
            work.seconds.clear()
            work.sizes.clear()
        done += len(group)
    raise AssertionError("the stream ends before this")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.breakdown", description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=18 * GROUP)
    parser.add_argument("--answers", type=int, default=3_000)
    chosen = parser.parse_args()
    warm_up = 6 * GROUP
    console = Console(width=max(100, Console().width))
    work = run(warm_up, chosen.events)
    total = sum(work.seconds.values())
    show(console, work, f"an event, {chosen.events:,} after {warm_up:,}", chosen.events)
    console.print(f"sum: {total / chosen.events * 1e6:.2f} µs", highlight=False)
    now_ms = time.time_ns() // 1_000_000
    work.answer(200, now_ms)
    work.seconds.clear()
    work.sizes.clear()
    work.answer(chosen.answers, now_ms)
    show(console, work, f"an answer, {chosen.answers:,}", chosen.answers)


def show(console: Console, work: Breakdown, title: str, count: int) -> None:
    """A table of the steps, and the sizes."""
    made = Table(title=title, title_justify="left")
    made.add_column("step")
    made.add_column("µs", justify="right")
    for name, seconds in work.seconds.items():
        made.add_row(name, f"{seconds / count * 1e6:.2f}")
    console.print(made)
    for name, size in work.sizes.items():
        console.print(f"{name}: {size / count:,.0f} bytes", highlight=False)


if __name__ == "__main__":
    main()
