"""A shop at Headwater's three doors: it produces events, consumes recommendations, watches the metrics."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from operators.state.item_codec import decode_item
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user
from operators.state.user_state import UserState
from streams.broker import group_offsets
from streams.broker.admin import create_topics
from streams.broker.brokers import Brokers
from streams.broker.partition_ends import partition_ends
from streams.broker.topic_reading import read_topic
from streams.settings import Settings
from streams.stages.items import META_KEY
from streams.topology import ALL, CATALOG_ITEMS, DRAFTS, EVENTS, ITEM_STATE, ITEM_UPDATES, RECOMMENDATIONS, USER_STATE
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker


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
        create_topics(Brokers(brokers), self.settings)
        self.workers: list[Worker] = []
        self.producer = self.new_producer()

    def new_producer(self, **config: Any) -> Producer:
        return Producer({"bootstrap.servers": self.brokers, "partitioner": "murmur2_random", "linger.ms": 5} | config)

    def worker(
        self, name: str = "w0", stages: str | None = None, module: str = "headwater.cli.main", **env: str
    ) -> Worker:
        """``module`` is another program, that has the worker as its command."""
        made = Worker(self.brokers, self.namespace, self.folder, name, stages, self.partition_env | env, module)
        self.workers.append(made)
        return made

    def faulty_worker(self, fault: str, mark: Path, **env: str) -> Worker:
        """A ready worker whose fault (see ``faulty_worker``) comes with ``mark``."""
        worker = self.worker(
            module="tests.integration.faulty_worker", TEST_FAULT=fault, TEST_FAULT_MARK=str(mark), **env
        )
        worker.wait_ready()
        return worker

    def owners(self, stage: str) -> Counter[str]:
        """Partitions of the event topics by worker, as the coordinator of the stage's group has them."""
        group = f"{self.namespace}.{stage}"
        members = self.admin.describe_consumer_groups([group], request_timeout=10)[group].result().members
        return Counter(
            {str(member.group_instance_id).removesuffix(f".{stage}"): len(member.assignment.topic_partitions)
             for member in members if member.assignment.topic_partitions}
        )  # fmt: skip

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
        """One record; its key is the user's, for the catalogue the item's, unless given. It must be taken, unless
        ``on_delivery``
        sees to it."""
        producer = producer or self.producer
        if isinstance(value, dict):
            if key is None:
                key = value["item_id"] if suffix.startswith("catalog") else value["user_id"]
            value = json.dumps(value).encode()
        producer.produce(self.topic(suffix), key=key, value=value, **{"on_delivery": _delivered} | kwargs)
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
        return list(read_topic(Brokers(self.brokers), self.topic(suffix)))

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
        """Headers (of those with one name the last) and values."""
        return [
            ({name: (value or b"").decode(errors="replace") for name, value in message.headers()}, message.value())
            for message in self.read("dead-letters.v1")
        ]

    def ends(self, suffixes: Iterable[str]) -> dict[tuple[str, int], int]:
        """Where the partitions of the topics end (transaction markers count)."""
        wanted = [(self.topic(suffix), n) for suffix in suffixes for n in range(self.partitions(suffix))]
        return dict(partition_ends(self.admin, wanted, timeout=30))

    def partitions(self, suffix: str) -> int:
        topic = next(topic for topic in ALL if topic.suffix == suffix)
        return topic.partitions(self.settings)

    def committed(self, stage: str, suffix: str) -> dict[int, int]:
        """Committed offsets of a stage's group by partition; those never committed are missing."""
        group = f"{self.namespace}.{stage}"
        return group_offsets.committed(Brokers(self.brokers), group, self.topic(suffix), self.partitions(suffix))

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
            "catalog": [CATALOG_ITEMS.suffix],
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
            if message.value() is None:
                states.pop(user_id, None)
                continue
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


def _delivered(error: Any, message: Any) -> None:
    if error is not None:
        raise AssertionError(f"{message.topic()}: {error}")


def by_id(records: Iterable[dict[str, Any]]) -> Counter[str]:
    """How often each recommendation id occurs."""
    return Counter(record["recommendation_id"] for record in records)
