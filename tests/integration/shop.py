"""A shop at Headwater's three doors: it produces events, consumes recommendations, watches the metrics."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    NewTopic,
    OffsetSpec,
)
from prometheus_client.parser import text_string_to_metric_families

from operators.item_codec import decode_item
from operators.item_index import ItemIndex
from operators.parameters import Parameters
from operators.user_codec import decode_user
from operators.user_state import UserState
from streams import group_offsets
from streams.admin import create_topics
from streams.progress import LEADER_MOVES
from streams.settings import Settings
from streams.stages.items import META_KEY
from streams.topic_reading import read_topic
from streams.topics import ALL, CATALOG, DRAFTS, EVENTS, ITEM_STATE, ITEM_UPDATES, RECOMMENDATIONS, USER_STATE

ROOT = Path(__file__).parents[2]
SPEEDY = {"HEADWATER_SESSION_TIMEOUT": "6", "HEADWATER_CHECKPOINT_INTERVAL": "0.5"}


class Worker:
    """A worker process of its own, with its log."""

    def __init__(
        self,
        brokers: str,
        namespace: str,
        folder: Path,
        name: str,
        stages: str | None,
        env: dict[str, str],
        module: str = "streams.cli.main",
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
        self.module = module
        self.arguments = ["--stages", stages] if stages else []
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._from = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._url = ""
        self.started_at = time.time()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, "worker", *self.arguments],
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
        if not self._url:
            wait_until(lambda: "metrics and health at " in self.log() or self.exited, 60, self.log)
            self._url = self.log().split("metrics and health at ")[1].split("/metrics")[0]
        return self._url

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

    def __init__(
        self,
        brokers: str,
        namespace: str,
        folder: Path,
        partitions: int = 4,
        topic_config: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """``topic_config`` gives topics other settings than ``headwater topics create`` does, by suffix."""
        self.brokers, self.namespace, self.folder = brokers, namespace, folder
        self.began_ms = int(time.time() * 1000)
        self.settings = Settings(brokers=brokers, namespace=namespace, user_partitions=partitions, item_partitions=2)
        self.partition_env = {"HEADWATER_USER_PARTITIONS": str(partitions), "HEADWATER_ITEM_PARTITIONS": "2"}
        self.admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
        for suffix, config in (topic_config or {}).items():
            self.create_topic(suffix, config)
        create_topics(brokers, self.settings)
        self.workers: list[Worker] = []
        self.producer = self.new_producer()

    def new_producer(self, **config: Any) -> Producer:
        return Producer({"bootstrap.servers": self.brokers, "partitioner": "murmur2_random", "linger.ms": 5} | config)

    def worker(
        self, name: str = "w0", stages: str | None = None, module: str = "streams.cli.main", **env: str
    ) -> Worker:
        """``module`` is another program, that has the worker as its command."""
        made = Worker(self.brokers, self.namespace, self.folder, name, stages, self.partition_env | env, module)
        self.workers.append(made)
        return made

    def create_topic(self, suffix: str, config: Mapping[str, str] | None = None) -> None:
        """One topic of the namespace as the program creates it, but for ``config``."""
        topic = next(topic for topic in ALL if topic.suffix == suffix)
        settings = topic.topic_config() | dict(config or {})
        new = NewTopic(self.topic(suffix), topic.partitions(self.settings), 1, config=settings)
        self.admin.create_topics([new], operation_timeout=30)[new.topic].result()

    def delete_topic(self, suffix: str) -> None:
        """Returns when it is gone."""
        self.admin.delete_topics([self.topic(suffix)], operation_timeout=30)[self.topic(suffix)].result()
        wait_until(lambda: self.topic(suffix) not in self.admin.list_topics(timeout=10).topics, 30)

    def topic(self, suffix: str) -> str:
        return f"{self.namespace}.{suffix}"

    def send(
        self, suffix: str, value: Any, key: str | bytes | None = None, producer: Producer | None = None, **kwargs: Any
    ) -> None:
        """One record; its key is the user's, for the catalogue the item's, unless given."""
        producer = producer or self.producer
        if isinstance(value, dict):
            if key is None:
                key = value["item_id"] if suffix.startswith("catalog") else value["user_id"]
            value = json.dumps(value).encode()
        producer.produce(self.topic(suffix), key=key, value=value, on_delivery=_delivered, **kwargs)
        producer.poll(0)

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

    def ends(self, suffixes: Iterable[str]) -> dict[tuple[str, int], int]:
        """Where the partitions of the topics end (transaction markers count)."""
        wanted = {
            TopicPartition(self.topic(suffix), partition): OffsetSpec.latest()
            for suffix in suffixes
            for partition in range(self.partitions(suffix))
        }
        while True:
            answers = self.admin.list_offsets(wanted, request_timeout=30)
            try:
                return {(tp.topic, tp.partition): answer.result().offset for tp, answer in answers.items()}
            except KafkaException as exc:
                if exc.args[0].code() not in LEADER_MOVES:
                    raise
            time.sleep(0.2)

    def partitions(self, suffix: str) -> int:
        topic = next(topic for topic in ALL if topic.suffix == suffix)
        return topic.partitions(self.settings)

    def committed(self, stage: str, suffix: str) -> dict[int, int]:
        """Committed offsets of a stage's group by partition; those never committed are missing."""
        group = f"{self.namespace}.{stage}"
        return group_offsets.committed(self.brokers, group, self.topic(suffix), self.partitions(suffix))

    def lag(self, stage: str, suffixes: Iterable[str]) -> int:
        """Records of the topics behind the committed offsets of a stage's group."""
        total = 0
        for suffix in suffixes:
            ends = {tp[1]: end for tp, end in self.ends([suffix]).items()}
            committed = self.committed(stage, suffix) if any(ends.values()) else {}
            total += sum(end - committed.get(partition, 0) for partition, end in ends.items())
        return total

    def lags(self) -> dict[str, int]:
        """Lag of each stage, in the order in which records flow: all 0 means that all is done."""
        events = [topic.suffix for topic in EVENTS.values()]
        inputs = {
            "catalog": [CATALOG.suffix],
            "profiles": events,
            "items": [ITEM_UPDATES.suffix],
            "narrator": [DRAFTS.suffix],
        }
        return {stage: self.lag(stage, suffixes) for stage, suffixes in inputs.items()}

    def wait_lag_zero(self, timeout: float = 60.0) -> None:
        """Until every event, catalogue row and item update is committed."""
        wait_until(lambda: not any(self.lags().values()), timeout, lambda: f"lag {self.lags()}\n{self.logs()}")

    def user_states(self, index: ItemIndex | None = None) -> dict[str, UserState]:
        """States of all users, from the changelog; a user in two partitions is an error."""
        index, states, where = index or ItemIndex(Parameters()), {}, {}
        for message in self.read(USER_STATE.suffix):
            user_id = message.key().decode()
            assert where.setdefault(user_id, message.partition()) == message.partition(), f"{user_id} has two profiles"
            states[user_id] = decode_user(user_id, message.value(), index)
        return states

    def items(self) -> ItemIndex:
        """All item rows as ``item-state.v1`` has them now."""
        index = ItemIndex(Parameters())
        for message in self.read(ITEM_STATE.suffix):
            if message.key() != META_KEY:
                decode_item(index, message.key().decode(), message.value())
        return index

    def logs(self) -> str:
        return "\n".join(f"== {worker.name}\n{worker.log()[-3000:]}" for worker in self.workers)

    def close(self) -> None:
        for worker in self.workers:
            if not worker.exited:
                worker.kill()


class Load:
    """Sends replay lines at a rate from a thread of its own, with a producer of its own."""

    def __init__(self, shop: Shop, lines: Sequence[dict[str, Any]], rate: float) -> None:
        self.lines, self.rate, self.sent = lines, rate, 0
        self._shop, self._producer = shop, shop.new_producer()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._halted = threading.Event()
        self._thread.start()

    def _run(self) -> None:
        started = time.monotonic()
        for line in self.lines:
            ahead = self.sent / self.rate - (time.monotonic() - started)
            if self._halted.wait(ahead) if ahead > 0.02 else self._halted.is_set():
                break
            self._shop.send(line["topic"], line["value"], producer=self._producer)
            self.sent += 1
        self._producer.flush(60)

    def wait_sent(self, count: int, timeout: float = 120.0) -> None:
        """Until ``count`` lines have been sent."""
        wait_until(lambda: self.sent >= count, timeout, lambda: f"{self.sent} sent of {count}")

    def join(self, timeout: float = 120.0) -> int:
        """Until all is sent and in the broker; returns how many."""
        self._thread.join(timeout)
        assert not self._thread.is_alive() and len(self._producer) == 0
        return self.sent

    def halt(self) -> int:
        """Stop sending."""
        self._halted.set()
        return self.join()


def interruptible() -> None:
    """Run in a child before it starts: shells let what they start in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_until(condition: Callable[[], bool], timeout: float, explain: Callable[[], str] = lambda: "") -> None:
    """Poll until true; fails with ``explain()`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {explain()}")
        time.sleep(0.2)


def _delivered(error: Any, message: Any) -> None:
    if error is not None:
        raise AssertionError(f"{message.topic()}: {error}")


def by_id(records: Iterable[dict[str, Any]]) -> Counter[str]:
    """How often each recommendation id occurs."""
    return Counter(record["recommendation_id"] for record in records)
