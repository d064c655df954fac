"""A loop that learns the same without Faust, tables, changelogs or outputs: consume, decode, learn, in batches.

It shows what the operators and the client library take of a core. So it is the upper limit for any program around
them that gets its records from librdkafka. State lives in memory and is lost with the process.

Usage: python -m benchmarks.bare_loop BROKERS NAMESPACE
"""

from __future__ import annotations

import gc
import signal
import sys
import time
from typing import Any

from confluent_kafka import Consumer, KafkaException

from operators import ItemIndex, Parameters, Recommender, UserState
from schemas.parse import parse
from schemas.rejection import Rejection
from streams.broker.update_messages import source_number
from streams.topology import EVENTS

BATCH = 16_384
"""Records learned at once: the size of the worker's groups while it catches up."""
COMMIT_SECONDS = 1.0
GROUP = "bare"


class BareLoop:
    """Learns whatever it is given."""

    def __init__(self, namespace: str) -> None:
        self._parameters = Parameters()
        self._index = ItemIndex(self._parameters)
        self._recommender = Recommender(self._parameters, self._index, seed=7)
        self._states: dict[str, UserState] = {}
        self._topics = {topic.name(namespace): (kind, topic.source_number) for kind, topic in EVENTS.items()}

    @property
    def topics(self) -> list[str]:
        return list(self._topics)

    def learn(self, messages: list[Any]) -> None:
        """Decode and learn a batch; raises ``ValueError`` for a record that is refused."""
        states, topics, observe = self._states, self._topics, self._recommender.observe
        now_ms = time.time_ns() // 1_000_000
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
            kind, number = topics[message.topic()]
            event = parse(kind, message.value(), key=message.key(), now_ms=now_ms)
            if isinstance(event, Rejection):
                raise ValueError(f"{message.topic()} offset {message.offset()}: {event}")
            user_id: str = event.user_id  # type: ignore[union-attr]
            state = states.get(user_id)
            if state is None:
                state = states[user_id] = UserState.fresh(user_id, self._parameters)
            source = source_number(0, number, message.partition())
            observe(state, event, event.occurred_at, source, message.offset())  # type: ignore[arg-type,union-attr]
        updates = self._recommender.flush()
        if updates is not None:
            self._recommender.apply(updates)


def main(brokers: str, namespace: str) -> None:
    """Run until SIGTERM."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    loop = BareLoop(namespace)
    settings: dict[str, str | int | bool] = {
        "bootstrap.servers": brokers, "group.id": f"{namespace}.{GROUP}", "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "isolation.level": "read_committed",
    }  # fmt: skip
    consumer = Consumer(settings)
    consumer.subscribe(loop.topics)
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)  # as the worker has it
    committed_at, uncommitted = time.monotonic(), False
    try:
        while not stopped:
            messages = consumer.consume(BATCH, timeout=0.1)
            if messages:
                loop.learn(messages)
                uncommitted = True
            if uncommitted and time.monotonic() - committed_at >= COMMIT_SECONDS:
                consumer.commit(asynchronous=False)
                committed_at, uncommitted = time.monotonic(), False
    finally:
        consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
