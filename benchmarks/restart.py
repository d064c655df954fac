"""``python -m benchmarks.restart``: a real worker after ``kill -9``, with its local state and without.

With it: the seconds from the next start to the first event that the new process has learned. Without: how many users
per second it rebuilds from ``user-state.v1`` (the time is ``headwater_recovery_seconds``, which includes joining the
group and opening the stores, but not starting Python and loading compiled code). Events keep coming in all the
while.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Producer
from rich.console import Console

from benchmarks.errors import BenchmarkError
from benchmarks.events import Stream, item_id, past
from benchmarks.feed import Feed
from benchmarks.program import Program, running
from benchmarks.programs import WORKER, environment, page
from benchmarks.report import MET, NOT_MET, print_limit, print_ratio, status_of
from headwater.cli.terminal import load_settings
from headwater.local_kafka.broker import LocalKafka
from operators import ItemIndex, Parameters
from operators.state.user_codec import encode_user
from operators.state.user_state import UserState
from streams.broker.admin import create_topics
from streams.broker.partitioning import partition_of
from streams.topology import USER_STATE

USERS, REBUILDS, KILLS = 1_000_000, 3, 5
HISTORY = 10
EVENTS = 500
KEYS_A_SECOND, BACK_SECONDS = 200_000, 5.0
TIMEOUT = 120.0
NAMESPACE = "restart"
POLL_SECONDS = 0.02


def state_value(history: int = HISTORY) -> bytes:
    """A user state as stored, about 400 bytes: a few items of history."""
    index = ItemIndex(Parameters())
    state = UserState.fresh("user", index.parameters)
    items = [index.intern(item_id(number)) for number in range(history)]
    state.recent_items, state.recent_actions = array("i", items), array("B", bytes(history))
    state.recent_times = array("q", [1_790_000_000_000 - 1000 * item for item in items])
    state.consumed, state.clicks, state.learned = dict.fromkeys(items, 1), history, history
    state.applied = {1: 12_345}
    state.factors[:] = 0.1
    return encode_user(state, index)


def write_states(brokers: str, namespace: str, users: int) -> int:
    """A changelog of ``users`` users; returns the bytes of a value."""
    partitions, topic, value = load_settings().user_partitions, USER_STATE.name(namespace), state_value()
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 20, "queue.buffering.max.messages": 500_000})
    for number in range(users):
        key = f"user-{number:07d}".encode()
        while True:
            try:
                producer.produce(topic, value, key, partition_of(key, partitions))
                break
            except BufferError:
                producer.poll(0.5)
    if producer.flush(60.0):
        raise BenchmarkError("the broker did not take all states within a minute")
    return len(value)


class Restarts:
    """Workers of one namespace and one state folder, one after the other."""

    def __init__(self, brokers: str, namespace: str, folder: Path) -> None:
        self._folder, self._command = folder, WORKER.start(brokers, namespace, folder)
        # a name of its own: the next process takes its place in the group at once
        self._environment = environment(brokers, namespace, folder) | {"HEADWATER_WORKER_ID": "w0"}
        self._number = 0

    @contextmanager
    def worker(self) -> Iterator[Program]:
        """The next process."""
        self._number += 1
        with running(self._command, self._folder / f"worker-{self._number}", self._environment) as program:
            yield program

    def forget(self) -> None:
        """Throw the local state away."""
        shutil.rmtree(self._folder / "state")


def value_of(program: Program, pattern: str) -> float | None:
    """The metric whose line begins like this, None before its page is there."""
    try:
        found = re.search(rf"^{pattern} (\S+)$", page(program, "/metrics"), re.M)
    except (BenchmarkError, OSError):
        return None
    return None if found is None else float(found.group(1))


def wait_for(program: Program, pattern: str) -> float:
    """The metric, once it is above 0; raises :class:`BenchmarkError` when that takes two minutes."""
    deadline = time.monotonic() + TIMEOUT
    while not (value := value_of(program, pattern)):
        program.check()
        if time.monotonic() > deadline:
            raise BenchmarkError(f"no {pattern} within {TIMEOUT:.0f} s; the last lines:\n{program.tail()}")
        time.sleep(POLL_SECONDS)
    return value


LEARNED = r'headwater_events_total\{outcome="learned",topic="events\.click\.v1"\}'
RECOVERED = r'headwater_recovery_seconds\{stage="profiles"\}'


def rebuild(restarts: Restarts, users: int, times: int, console: Console) -> list[float]:
    """Users a second of each rebuild; the last worker is killed, and its state stays."""
    rates: list[float] = []
    for number in range(times):
        if number:
            restarts.forget()
        with restarts.worker() as program:
            rates.append(users / wait_for(program, RECOVERED))
            console.print(f"rebuild {number + 1}/{times}: {rates[-1]:,.0f} users / s", highlight=False)
            os.kill(program.pid, signal.SIGKILL)
    return rates


def kill(restarts: Restarts, feed: Feed, times: int, console: Console) -> list[float]:
    """Seconds from each kill to the first event learned by the next process."""
    seconds: list[float] = []
    for number in range(times):
        stream = Stream("restart", users=1_000, items=1_000, seed=number)
        feed.produce(stream.read(EVENTS, past(time.time_ns() // 1_000_000)))
        with restarts.worker() as program:
            started = time.monotonic()
            wait_for(program, LEARNED)
            seconds.append(time.monotonic() - started)
            console.print(f"restart {number + 1}/{times}: {seconds[-1]:.1f} s", highlight=False)
            os.kill(program.pid, signal.SIGKILL)
    return seconds


def run(console: Console, users: int, rebuilds: int, kills: int) -> bool:
    """Start a broker, write the changelog, rebuild and kill; whether the bars are met."""
    with (
        LocalKafka.from_settings(load_settings(), console.print) as kafka,
        tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder,
    ):
        create_topics(kafka.brokers, load_settings(namespace=NAMESPACE))
        restarts = Restarts(kafka.bootstrap, NAMESPACE, Path(folder))
        with restarts.worker() as first:  # it notes which topics the states are of
            wait_for(first, RECOVERED)
        restarts.forget()
        size = write_states(kafka.bootstrap, NAMESPACE, users)
        console.print(f"{users:,} users of {size} bytes in {USER_STATE.suffix}", highlight=False)
        rates = rebuild(restarts, users, rebuilds, console)
        feed = Feed(kafka.bootstrap, NAMESPACE)
        back = kill(restarts, feed, kills, console)
        feed.close()
    reached = print_ratio(console, "users rebuilt a second", rates, KEYS_A_SECOND) >= KEYS_A_SECOND
    return print_limit(console, "seconds from kill -9 to the first event learned", back, BACK_SECONDS) and reached


def main() -> int:
    """Measure and print; the status is one of those in ``benchmarks.report``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restart", description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--quick", action="store_true", help="100,000 users, one rebuild, two kills")
    chosen = parser.parse_args()
    console = Console(width=max(100, Console().width))
    sizes = (USERS // 10, 1, 2) if chosen.quick else (chosen.users, REBUILDS, KILLS)
    return status_of(console, lambda: MET if run(console, *sizes) else NOT_MET)


if __name__ == "__main__":
    sys.exit(main())
