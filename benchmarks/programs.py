"""The measured programs: how each is started, and how to see that it is done."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bare_loop, plain_faust
from benchmarks.errors import BenchmarkError
from benchmarks.events import Input, Stream, past
from benchmarks.feed import Feed
from benchmarks.measure import Groups, Measured, measure, wait_drained
from benchmarks.program import Measurable, Program, running
from headwater.cli.terminal import load_settings
from schemas.kinds import Kind
from streams.broker.admin import create_topics, delete_namespace
from streams.broker.brokers import Brokers
from streams.errors import BrokerError
from streams.topology import ITEM_UPDATES

WARM_UP_TIMEOUT = 120.0
WORKER_STAGES = "profiles,items,catalog"


@dataclass(frozen=True, slots=True)
class Peer:
    """A program: ``start`` gives its command from (brokers, namespace, folder), ``groups`` what it commits."""

    name: str
    start: Callable[[str, str, Path], list[str]]
    groups: Callable[[str], Groups]
    scale: int = 1
    """It gets 1/scale of the events and of the users: a slow program then meets users with the same histories."""
    reads_committed: bool = True
    verify: Callable[[Program, int], None] = lambda program, events: None
    """Raises :class:`BenchmarkError` when not all events were learned."""


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _worker_groups(namespace: str) -> Groups:
    updates = (f"{namespace}.items", ITEM_UPDATES.name(namespace))
    return Groups(f"{namespace}.profiles", [updates], catalog=f"{namespace}.catalog")


def _plain_groups(namespace: str) -> Groups:
    group = f"{namespace}.{plain_faust.GROUP}"
    return Groups(group, [(group, ITEM_UPDATES.name(namespace))])


def _all_learned(program: Program, events: int) -> None:
    counted = re.findall(
        r'^headwater_events_total\{outcome="(\w+)",topic="events.*?"\} (\S+)$', page(program, "/metrics"), re.M
    )
    outcomes = {name: sum(float(count) for other, count in counted if other == name) for name, _ in counted}
    if outcomes.get("learned") != events:
        raise BenchmarkError(f"the worker learned not all of {events} events: {outcomes}")


WORKER = Peer(
    "Headwater worker",
    lambda brokers, namespace, folder: _python("headwater.cli.main", "worker", "--stages", WORKER_STAGES),
    _worker_groups,
    verify=_all_learned,
)
PLAIN = Peer(
    "plain Faust",
    lambda brokers, namespace, folder: _python("benchmarks.plain_faust", brokers, namespace, str(folder)),
    _plain_groups,
    scale=40,
    reads_committed=False,
)
PLAIN_ALL_ROWS = Peer(
    "plain Faust, all rows",
    lambda brokers, namespace, folder: [*PLAIN.start(brokers, namespace, folder), "--rows", "all"],
    _plain_groups,
    scale=80,
    reads_committed=False,
)
BARE = Peer(
    "bare loop",
    lambda brokers, namespace, folder: _python("benchmarks.bare_loop", brokers, namespace),
    lambda namespace: Groups(f"{namespace}.{bare_loop.GROUP}"),
)


@contextmanager
def started(peer: Peer, brokers: str, namespace: str) -> Iterator[tuple[Program, Feed]]:
    """The program on fresh topics."""
    with (
        fresh_topics(brokers, namespace) as (feed, folder),
        running(peer.start(brokers, namespace, folder), folder, environment(brokers, namespace, folder)) as program,
    ):
        yield program, feed


@contextmanager
def fresh_topics(brokers: str, namespace: str) -> Iterator[tuple[Feed, Path]]:
    """Topics of a namespace, and a folder for its programs; both, groups and state are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="headwater-bench-"))
    feed = Feed(brokers, namespace)
    try:
        create_topics(Brokers(brokers), load_settings(namespace=namespace))
        yield feed, folder
    finally:
        feed.close()
        # The group of a program that died is not empty yet; what happened to it is what is told
        with suppress(BrokerError):
            delete_namespace(Brokers(brokers), namespace)
        shutil.rmtree(folder, ignore_errors=True)


def run(
    peer: Peer, brokers: str, namespace: str, stream: Stream, *, warm_up: int, events: int, timeout: float
) -> Measured:
    """One measurement: warm up, then learn ``events`` old events."""
    now_ms = time.time_ns() // 1_000_000
    inputs = stream.read(warm_up + events, past(now_ms))
    groups = peer.groups(namespace)
    with started(peer, brokers, namespace) as (program, feed):
        warm_with(program, feed, groups, stream, itertools.islice(inputs, warm_up))
        measured = measure(feed, groups, program, inputs, at_once=peer.reads_committed, timeout=timeout)
        peer.verify(program, warm_up + events)
    return measured


def warm_with(program: Measurable, feed: Feed, groups: Groups, stream: Stream, inputs: Iterable[Input]) -> None:
    """Have the program compile, read the catalogue and learn the first events."""
    if groups.catalog is not None:
        now_ms = time.time_ns() // 1_000_000
        feed.produce(Input(Kind.CATALOG, key, value, now_ms) for key, value in stream.catalog())
    feed.produce(inputs)
    wait_drained(feed, groups, program, WARM_UP_TIMEOUT)


def page(program: Program, path: str) -> str:
    """A page of the worker's; raises :class:`BenchmarkError` when its log does not say where they are."""
    found = re.search(r"(http://[^/\s]+)/metrics", program.log.read_text())
    if found is None:
        raise BenchmarkError(f"the worker has not said where its metrics are:\n{program.tail()}")
    with urllib.request.urlopen(found.group(1) + path, timeout=10.0) as response:
        text: str = response.read().decode()
    return text


def environment(brokers: str, namespace: str, folder: Path) -> dict[str, str]:
    """Defaults for everything but where: no setting of the caller's shell changes what is measured."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    return clean | {
        "HEADWATER_BROKERS": brokers,
        "HEADWATER_NAMESPACE": namespace,
        "HEADWATER_STATE_DIR": str(folder / "state"),
        "HEADWATER_HTTP_PORT": "0",
        "HEADWATER_MODEL_BACKEND": "none",
        # A worker that catches up reads its topics at different paces: to the limit of a user that looks like a burst.
        "HEADWATER_USER_EVENTS_PER_MINUTE": "1000000",
    }
