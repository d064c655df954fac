"""A shop at Headwater's three doors: it produces events, consumes recommendations, watches the metrics."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client.parser import text_string_to_metric_families

from operators.item_index import ItemIndex
from operators.parameters import Parameters
from operators.user_codec import decode_user
from operators.user_state import UserState
from streams.admin import create_topics
from streams.settings import Settings
from streams.topic_reading import read_topic
from streams.topics import CATALOG, EVENTS, RECOMMENDATIONS, USER_STATE

ROOT = Path(__file__).parents[2]
SPEEDY = {"HEADWATER_SESSION_TIMEOUT": "6", "HEADWATER_CHECKPOINT_INTERVAL": "0.5"}


class Worker:
    """A worker process of its own, with its log."""

    def __init__(
        self, brokers: str, namespace: str, folder: Path, name: str, stages: str | None, env: dict[str, str]
    ) -> None:
        self.folder, self.name, self.log_path = folder, name, folder / f"{name}.log"
        self.env = (
            os.environ
            | {
                "HEADWATER_BROKERS": brokers,
                "HEADWATER_NAMESPACE": namespace,
                "HEADWATER_STATE_DIR": str(folder / "state"),
                "HEADWATER_WORKER_ID": name,
                "HEADWATER_HTTP_PORT": "0",
                "HEADWATER_MODEL_BACKEND": "none",
            }
            | SPEEDY
            | env
        )
        self.arguments = ["--stages", stages] if stages else []
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._from = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli.main", "worker", *self.arguments],
                cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        """What it wrote since its last start."""
        return self.log_path.read_bytes()[self._from :].decode(errors="replace")

    @property
    def url(self) -> str:
        wait_until(lambda: "metrics and health at " in self.log() or self.exited, 60, self.log)
        return self.log().split("metrics and health at ")[1].split("/metrics")[0]

    @property
    def exited(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def page(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read().decode()

    def wait_ready(self, timeout: float = 90.0) -> float:
        """Seconds until /readyz says yes."""
        started = time.monotonic()

        def ready() -> bool:
            assert not self.exited, f"worker {self.name} ended:\n{self.log()[-4000:]}"
            return self.page("/readyz")[0] == 200

        wait_until(ready, timeout, lambda: self.log()[-4000:] + self.page("/readyz")[1])
        return time.monotonic() - started

    def metric(self, name: str, **labels: str) -> float | None:
        """Sum of the samples of ``name`` whose labels contain ``labels``; None when there is none."""
        text = self.page("/metrics")[1]
        found = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, timeout: float = 12.0) -> int:
        """SIGTERM; its exit code."""
        self.signal(signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(timeout)

    def wait(self, timeout: float) -> int:
        assert self.process is not None
        return self.process.wait(timeout)

    def wipe(self) -> None:
        """Delete its local state."""
        shutil.rmtree(self.folder / "state" / self.env["HEADWATER_NAMESPACE"] / self.name, ignore_errors=True)


class Shop:
    """Topics of a fresh namespace, the events sent, and what came of them."""

    def __init__(self, brokers: str, namespace: str, folder: Path, partitions: int = 4) -> None:
        self.brokers, self.namespace, self.folder = brokers, namespace, folder
        self.settings = Settings(brokers=brokers, namespace=namespace, user_partitions=partitions, item_partitions=2)
        self.partition_env = {"HEADWATER_USER_PARTITIONS": str(partitions), "HEADWATER_ITEM_PARTITIONS": "2"}
        create_topics(brokers, self.settings)
        self.workers: list[Worker] = []
        self.producer = self.new_producer()

    def new_producer(self, **config: Any) -> Producer:
        return Producer({"bootstrap.servers": self.brokers, "partitioner": "murmur2_random", "linger.ms": 5} | config)

    def worker(self, name: str = "w0", stages: str | None = None, **env: str) -> Worker:
        made = Worker(self.brokers, self.namespace, self.folder, name, stages, self.partition_env | env)
        self.workers.append(made)
        return made

    def topic(self, suffix: str) -> str:
        return f"{self.namespace}.{suffix}"

    def send(self, suffix: str, value: Any, key: str | bytes | None = None, **kwargs: Any) -> None:
        """One record; its key is the user's, for the catalogue the item's, unless given."""
        if isinstance(value, dict):
            if key is None:
                key = value["item_id"] if suffix.startswith("catalog") else value["user_id"]
            value = json.dumps(value).encode()
        self.producer.produce(self.topic(suffix), key=key, value=value, **kwargs)
        self.producer.poll(0)

    def send_lines(self, lines: Iterable[dict[str, Any]]) -> int:
        """Replay lines, in order."""
        count = 0
        for line in lines:
            self.send(line["topic"], line["value"])
            count += 1
            if count % 2_000 == 0:
                self.producer.flush(30)
        self.flush()
        return count

    def flush(self) -> None:
        assert self.producer.flush(30) == 0

    # ---- what came of it
    def read(self, suffix: str) -> list[Any]:
        """All messages of a topic from its beginning to its present end."""
        return list(read_topic(self.brokers, self.topic(suffix)))

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(message.value()) for message in self.read(RECOMMENDATIONS.suffix)]

    def wait_records(self, count: int, timeout: float = 30.0) -> list[dict[str, Any]]:
        """At least ``count`` records, by distinct id."""
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            nonlocal found
            found = self.records()
            return len({record["recommendation_id"] for record in found}) >= count

        wait_until(enough, timeout, lambda: f"{len(found)} records\n{self.logs()}")
        return found

    def dead_letters(self) -> list[tuple[dict[str, str], bytes | None]]:
        return [
            ({name: value.decode() for name, value in message.headers()}, message.value())
            for message in self.read("dead-letters.v1")
        ]

    def lag(self, stage: str, suffixes: Iterable[str]) -> int:
        """Records of the topics behind the committed offsets of a stage's group."""
        admin = AdminClient({"bootstrap.servers": self.brokers})
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": "lag"})
        group, total = f"{self.namespace}.{stage}", 0
        try:
            for suffix in suffixes:
                name = self.topic(suffix)
                tps = [TopicPartition(name, p) for p in consumer.list_topics(name, 10).topics[name].partitions]
                try:
                    found = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, tps)])[
                        group
                    ].result()
                except KafkaException:
                    return 1 << 40
                for tp in found.topic_partitions:
                    low, high = consumer.get_watermark_offsets(TopicPartition(name, tp.partition), 10)
                    total += high - max(low, tp.offset)
        finally:
            consumer.close()
        return total

    def wait_lag_zero(self, timeout: float = 60.0) -> None:
        """Until every event, catalogue row and item update is committed."""
        events = [topic.suffix for topic in EVENTS.values()]

        def done() -> bool:
            return (
                self.lag("catalog", [CATALOG.suffix]) == 0
                and self.lag("profiles", events) == 0
                and self.lag("items", ["item-updates.v1"]) == 0
            )

        wait_until(done, timeout, lambda: f"lag {self.lag('profiles', events)}\n{self.logs()}")

    def user_states(self) -> dict[str, UserState]:
        """States of all users, from the changelog; a user in two partitions is an error."""
        index, states, where = ItemIndex(Parameters()), {}, {}
        for message in self.read(USER_STATE.suffix):
            user_id = message.key().decode()
            assert where.setdefault(user_id, message.partition()) == message.partition(), f"{user_id} has two profiles"
            states[user_id] = decode_user(user_id, message.value(), index)
        return states

    def logs(self) -> str:
        return "\n".join(f"== {worker.name}\n{worker.log()[-3000:]}" for worker in self.workers)

    def close(self) -> None:
        for worker in self.workers:
            if not worker.exited:
                worker.kill()


def wait_until(condition: Callable[[], bool], timeout: float, explain: Callable[[], str] = lambda: "") -> None:
    """Poll until true; fails with ``explain()`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {explain()}")
        time.sleep(0.2)


def by_id(records: Iterable[dict[str, Any]]) -> Counter[str]:
    """How often each recommendation id occurs."""
    return Counter(record["recommendation_id"] for record in records)
