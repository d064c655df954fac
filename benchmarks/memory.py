"""``python -m benchmarks.memory``: the memory and disk that a million users take, and the memory of an item.

A real worker recovers users with 50 items of history each from ``user-state.v1``. Then more users than its cache
holds (``HEADWATER_CACHED_USERS``) have an event: first some thousands at a time, as in live traffic, and then all
others at once, as after a pause. Its memory is compared with that of the same worker with the same catalogue and no
users.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from confluent_kafka import Producer
from rich.console import Console

from benchmarks.errors import BenchmarkError
from benchmarks.events import Input, Stream, item_id, past
from benchmarks.feed import Feed
from benchmarks.measure import wait_drained
from benchmarks.program import Program
from benchmarks.programs import WORKER
from benchmarks.report import MET, NOT_MET, print_limit, status_of
from benchmarks.restart import RECOVERED, Restarts, wait_for
from benchmarks.world import NOW_MS, index_of, users_of
from headwater.cli.terminal import load_settings
from headwater.local_kafka.broker import LocalKafka
from operators import ItemIndex, UserState
from operators.state.item_columns import COLUMNS, item_bytes
from operators.state.user_codec import decode_user, encode_user
from operators.state.user_state import EVENT_ID_BYTES
from schemas.kinds import Kind
from streams.broker.admin import create_topics
from streams.broker.partitioning import partition_of
from streams.topology import USER_STATE

USERS, ITEMS, INDEX_ITEMS = 1_000_000, 10_000, 50_000
RECENT = 50
TEMPLATES = 200
TOUCHED = 100_000
ROUNDS, ROUND = 5, 10_000
GIB_A_MILLION = 0.4
NAMESPACE = "memory"
TIMEOUT = 150.0


def full_state(state: UserState, number: int) -> UserState:
    """With 50 recent items (some repeated), 64 known event ids and three lists, as a regular user has them."""
    state.recent_items = (state.recent_items * 2)[:RECENT]
    state.recent_times = array("q", range(NOW_MS, NOW_MS - RECENT * 60_000, -60_000))
    state.recent_actions = array("B", bytes(RECENT))
    state.event_ids = bytearray(np.random.default_rng(number).bytes(64 * EVENT_ID_BYTES))
    for n in range(3):
        state.remember_shown(f"{number:016x}{n:016x}", list(state.recent_items)[:20])
    state.applied = {1: 12_345, 2: 678}
    return state


def templates(index: ItemIndex, count: int) -> list[bytes]:
    """Stored states of different users."""
    return [encode_user(full_state(state, n), index) for n, state in enumerate(users_of(index, count))]


def write_states(brokers: str, users: int, values: list[bytes]) -> None:
    """A changelog of ``users`` users."""
    partitions, topic = load_settings().user_partitions, USER_STATE.name(NAMESPACE)
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 20, "queue.buffering.max.messages": 300_000})
    for number in range(users):
        key = f"user-{number:07d}".encode()
        while True:
            try:
                producer.produce(topic, values[number % len(values)], key, partition_of(key, partitions))
                break
            except BufferError:
                producer.poll(0.5)
    if producer.flush(60.0):
        raise BenchmarkError("the broker did not take all states within a minute")


def one_event_each(users: int, times: tuple[int, int]) -> Iterator[Input]:
    """A click of each of the users."""
    for number in range(users):
        time_ms = times[0] + (times[1] - times[0]) * number // users
        user = f"user-{number:07d}"
        item = item_id(number % ITEMS)
        value = f'{{"event_id":"m{number}","user_id":"{user}","occurred_at":{time_ms},"item_id":"{item}"}}'
        yield Input(Kind.CLICK, user.encode(), value.encode(), time_ms)


def resident(program: Program, feed: Feed, inputs: Iterator[Input]) -> float:
    """MiB of a recovered worker after it has worked on ``inputs``."""
    wait_for(program, RECOVERED)
    feed.produce(inputs)
    wait_drained(feed, WORKER.groups(NAMESPACE), program, TIMEOUT)
    time.sleep(2.0)  # a checkpoint and what it frees
    return program.memory_mib()


def folder_mib(folder: Path) -> float:
    """Size of the files below."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / (1 << 20)


def worker(console: Console, users: int, touched: int) -> float:
    """GiB a million users that a worker takes with them."""
    values = templates(index_of(ITEMS), TEMPLATES)
    span = past(time.time_ns() // 1_000_000)
    with (
        LocalKafka.from_settings(load_settings(), console.print) as kafka,
        tempfile.TemporaryDirectory(prefix="headwater-bench-") as name,
    ):
        folder = Path(name)
        create_topics(kafka.brokers, load_settings(namespace=NAMESPACE))
        feed, restarts = Feed(kafka.bootstrap, NAMESPACE), Restarts(kafka.bootstrap, NAMESPACE, folder)
        feed.produce(Input(Kind.CATALOG, key, value, span[1]) for key, value in Stream("m", items=ITEMS).catalog())
        with restarts.worker() as program:
            empty = resident(program, feed, one_event_each(2_000, span))
        shutil.rmtree(folder / "state")
        write_states(kafka.bootstrap, users, values)
        with restarts.worker() as program:
            wait_for(program, RECOVERED)
            recovered = program.memory_mib()
            clicks = one_event_each(touched, span)
            for _ in range(ROUNDS):
                full = resident(program, feed, itertools.islice(clicks, ROUND))
            most = resident(program, feed, clicks)
            cached = wait_for(program, "headwater_cached_users")
            disk = folder_mib(folder / "state")
        feed.close()
    stored = sum(map(len, values)) / len(values)
    for line in (
        f"{users:,} users with {RECENT} recent items, {stored:,.0f} bytes each as stored; "
        f"{cached:,.0f} of them decoded",
        f"resident: {empty:,.0f} MiB without users, {recovered:,.0f} MiB recovered, {full:,.0f} MiB after events of "
        f"{ROUNDS * ROUND:,} users, {most:,.0f} MiB after those of {touched - ROUNDS * ROUND:,} others at once",
        f"RocksDB on disk: {disk:,.0f} MiB",
    ):
        console.print(line, highlight=False)
    return (full - empty) / 1024 / (users / 1_000_000)


def decoded_bytes(index: ItemIndex, count: int = 5_000) -> float:
    """Bytes of a decoded state: growth of this process."""
    values = templates(index, TEMPLATES)
    before = own_rss()
    kept = [decode_user(f"user-{n:07d}", values[n % len(values)], index) for n in range(count)]
    grown = own_rss() - before
    return grown / len(kept)


def own_rss() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def item_sizes(index: ItemIndex) -> dict[str, float]:
    """Bytes of an item by what they hold: the columns as declared, those of which `Parameters` say the width apart."""
    wide = {column.name.partition("_")[0]: column.width for column in COLUMNS if isinstance(column.width, str)}
    sizes: dict[str, float] = {}
    for name, size in item_bytes(index.parameters).items():
        group = wide.get(name.partition("_")[0], "counts, times, flags")
        sizes[group] = sizes.get(group, 0.0) + size
    text, search = (
        sum(array.nbytes for array in words.arrays() if isinstance(array, np.ndarray))
        for words in (index.text, index.search)
    )
    return sizes | {"text (with room to grow)": text / index.size, "searches": search / index.size}


def index_table(console: Console, items: int) -> None:
    """Print what an item takes."""
    before = own_rss()
    index = index_of(items)
    whole = (own_rss() - before) / items
    sizes = item_sizes(index)
    for name, size in sizes.items():
        console.print(f"an item's {name}: {size:,.0f} bytes", highlight=False)
    console.print(
        f"an item, all in all, with its catalogue record and ids: {whole:,.0f} bytes of resident memory "
        f"({items:,} items)\n"
        f"a decoded user state with {RECENT} recent items: {decoded_bytes(index):,.0f} bytes",
        highlight=False,
    )


def main() -> int:
    """Measure and print; the status is one of those in ``benchmarks.report``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--quick", action="store_true", help="100,000 users, all of them with an event")
    chosen = parser.parse_args()
    console = Console(width=max(120, Console().width))
    users = USERS // 10 if chosen.quick else chosen.users
    return status_of(console, lambda: measure(console, users))


def measure(console: Console, users: int) -> int:
    """Both tables, and the status."""
    index_table(console, INDEX_ITEMS)
    gib = worker(console, users, min(users, TOUCHED))
    met = print_limit(console, "GiB of worker memory per million users", [gib], GIB_A_MILLION)
    return MET if met else NOT_MET


if __name__ == "__main__":
    sys.exit(main())
