"""The data path on a real broker: kills, crashes, rebalances and pauses lose nothing and count nothing twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.broker import group_offsets
from streams.broker.brokers import Brokers
from streams.broker.topic_reading import read_topic
from tests.integration.counter_worker import Counts

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
PARTITIONS = 2


class Bench:
    """Topics, workers and what they left, in one namespace."""

    def __init__(self, brokers: str, namespace: str, folder: Path) -> None:
        self.brokers, self.namespace, self.folder = brokers, namespace, folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.sent: Counter[bytes] = Counter()
        self.per_partition: Counter[int] = Counter()
        admin = AdminClient({"bootstrap.servers": brokers})
        topics = [
            NewTopic(f"{namespace}.in", PARTITIONS, 1),
            NewTopic(f"{namespace}.out", PARTITIONS, 1),
            NewTopic(f"{namespace}.state", PARTITIONS, 1, config={"cleanup.policy": "compact"}),
        ]
        for future in admin.create_topics(topics).values():
            future.result()

    def worker(self, name: str = "w0", **env: str) -> subprocess.Popen[bytes]:
        arguments = [self.brokers, self.namespace, str(self.folder / "state"), name]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.counter_worker", *arguments],
                cwd=ROOT, env=os.environ | env, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def produce(self, count: int, rate: float, seed: int = 1) -> Iterator[int]:
        """Send ``count`` records of 50 keys; yields their number about every 50 ms."""
        rng, producer = random.Random(seed), Producer({"bootstrap.servers": self.brokers, "linger.ms": 5})
        started = time.monotonic()
        for n in range(count):
            key = f"k{rng.randrange(50)}".encode()
            partition = key[-1] % PARTITIONS
            producer.produce(f"{self.namespace}.in", key=key, value=b"x", partition=partition)
            self.sent[key] += 1
            self.per_partition[partition] += 1
            if n % max(1, int(rate / 20)) == 0:
                producer.poll(0)
                ahead = n / rate - (time.monotonic() - started)
                if ahead > 0:
                    time.sleep(ahead)
                yield n
        assert producer.flush(30) == 0

    def committed(self) -> dict[int, int]:
        return group_offsets.committed(
            Brokers(self.brokers), f"{self.namespace}.counter", f"{self.namespace}.in", PARTITIONS
        )

    def wait_until_done(self, timeout: float = 60.0) -> float:
        """Until every record's offset is committed; returns the seconds waited."""
        started = time.monotonic()
        wanted = dict(self.per_partition)
        while self.committed() != wanted:
            assert time.monotonic() - started < timeout, f"committed {self.committed()}, wanted {wanted}\n{self.logs()}"
            time.sleep(0.2)
        return time.monotonic() - started

    def read(self, topic: str) -> list[tuple[int, bytes, bytes | None]]:
        messages = read_topic(Brokers(self.brokers), f"{self.namespace}.{topic}")
        return [(message.partition(), message.key(), message.value()) for message in messages]

    def assert_exact(self) -> int:
        """Counters as sent, every record answered; returns the number of repeated outputs."""
        states: dict[bytes, Counts] = {}
        for _, key, value in self.read("state"):
            assert value is not None
            states[key] = msgspec.msgpack.decode(value, type=Counts)
        assert {key: state.count for key, state in states.items()} == dict(self.sent)
        outputs = Counter(value for _, _, value in self.read("out"))
        wanted = {f"{p}:{offset}".encode() for p, n in self.per_partition.items() for offset in range(n)}
        assert set(outputs) == wanted
        return sum(outputs.values()) - len(outputs)

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in self.folder.glob("*.log"))

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def bench(kafka, namespace: str, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(kafka.bootstrap, namespace, tmp_path)
    yield made
    made.close()


def wait_for(path: Path, text: str, timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < deadline, (
            f"{text!r} not in {path}: {path.read_text()[-3000:] if path.exists() else 'no file'}"
        )
        time.sleep(0.1)


def test_counts_and_stops_cleanly(bench: Bench) -> None:
    worker = bench.worker()
    for _ in bench.produce(2_000, 4_000):
        pass
    bench.wait_until_done()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert bench.assert_exact() == 0
    assert json.dumps(sorted(bench.per_partition)) == "[0, 1]"


@pytest.mark.parametrize(
    "wipe", [pytest.param(False, id="kept"), pytest.param(True, id="wiped", marks=pytest.mark.faults)]
)
def test_killed_under_load(bench: Bench, wipe: bool) -> None:
    """Recovery resumes sources before it seeks; a lost or doubled batch would show in the counters."""
    worker, kills, rng = bench.worker(), 0, random.Random(3)
    wait_for(bench.folder / "w0.log", "Worker ready")
    due = 1_500
    for n in bench.produce(9_000, 1_500):
        if n >= due and kills < 3:
            worker.kill()
            worker.wait()
            kills += 1
            due = n + 1_500 + rng.randrange(500)
            if wipe:
                shutil.rmtree(bench.folder / "state", ignore_errors=True)  # a slow machine: none made yet
            worker = bench.worker()
    bench.wait_until_done()
    assert kills == 3
    bench.assert_exact()


def test_second_worker_joins_and_leaves(bench: Bench) -> None:
    """A revocation writes a last checkpoint, old generations are void, no stale cache comes back."""
    bench.worker("w0")
    wait_for(bench.folder / "w0.log", "Worker ready")
    second = None
    for n in bench.produce(12_000, 1_200):
        if n > 2_000 and second is None:
            second = bench.worker("w1")
        if n > 7_000 and second is not None and second.poll() is None:
            second.send_signal(signal.SIGTERM)
            assert second.wait(15) == 0
    bench.wait_until_done()
    assert (
        "restored [0]" in (bench.folder / "w1.log").read_text()
        or "restored [1]" in (bench.folder / "w1.log").read_text()
    )
    assert bench.assert_exact() == 0


def test_worker_may_load_for_longer_than_its_session_before_it_joins(bench: Bench) -> None:
    for _ in bench.produce(400, 4_000):
        pass
    bench.worker("w0", LOADS_FOR="6.5")
    bench.wait_until_done()
    assert bench.assert_exact() == 0


@pytest.mark.parametrize("step", ["outputs", "changelog", "acknowledge", "commit"])
def test_crash_between_the_steps_of_a_checkpoint(bench: Bench, step: str) -> None:
    for _ in bench.produce(400, 4_000):
        pass
    crashing = bench.worker("w0", CRASH_POINT=step)
    assert crashing.wait(30) == -signal.SIGKILL
    bench.worker("w0")
    bench.wait_until_done()
    bench.assert_exact()


def test_last_second_is_written_without_traffic(bench: Bench) -> None:
    bench.worker()
    for _ in bench.produce(10, 100):
        pass
    bench.wait_until_done()  # by the timer: nothing else arrives


@pytest.mark.faults
def test_worker_paused_past_its_session_writes_nothing(bench: Bench) -> None:
    """A zombie must not overwrite the state of the new owner."""
    zombie = bench.worker("w0")
    wait_for(bench.folder / "w0.log", "Worker ready")
    waiting = bench.produce(6_000, 800)
    stopped = False
    for n in waiting:
        if n > 800 and not stopped:
            zombie.send_signal(signal.SIGSTOP)
            bench.worker("w1")
            stopped = True
    wait_for(bench.folder / "w1.log", "restored [0, 1]")
    bench.wait_until_done()
    zombie.send_signal(signal.SIGCONT)
    assert zombie.wait(20) == 3
    assert "stood still" in (bench.folder / "w0.log").read_text()
    time.sleep(1)
    bench.assert_exact()


def test_topics_are_partition_numbers(bench: Bench) -> None:
    """State is by partition: keys never leave the partition that they came in."""
    bench.worker()
    for _ in bench.produce(500, 2_000):
        pass
    bench.wait_until_done()
    where: defaultdict[bytes, set[int]] = defaultdict(set)
    for partition, key, _ in bench.read("state"):
        where[key].add(partition)
    assert all(len(partitions) == 1 for partitions in where.values())
