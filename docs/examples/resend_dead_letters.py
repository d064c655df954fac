"""Sends dead letters again, to the topics that they came from, after a repair.

    python docs/examples/resend_dead_letters.py localhost:9092 headwater missing_field

The committed offsets of its group say what was sent: a second run begins where the first one ended.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaError, Message, Producer


def repair(value: bytes) -> bytes | None:
    """The corrected record, None to leave it. Yours to write; here: a missing event id is made up from the content."""
    try:
        event = json.loads(value)
    except ValueError:
        return None
    if not isinstance(event, dict) or event.get("event_id"):
        return None
    return json.dumps(event | {"event_id": f"{event.get('user_id')}-{event.get('occurred_at')}"}).encode()


def resend(brokers: str, namespace: str, reason: str, repair: Callable[[bytes], bytes | None] = repair) -> int:
    """Send the letters of ``reason`` again; returns how many. Letters whose bytes were cut off stay."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"{namespace}.resend-{reason}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    producer = Producer({"bootstrap.servers": brokers, "partitioner": "murmur2_random", "enable.idempotence": True})
    consumer.subscribe([f"{namespace}.dead-letters.v1"])
    sent, ended = 0, set[int]()
    try:
        while not ended or len(ended) < len(consumer.assignment()):
            letter = consumer.poll(10.0)
            if letter is None:
                continue
            error = letter.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                ended.add(letter.partition() or 0)
            elif error is not None:
                raise RuntimeError(str(error))
            else:
                sent += _resend(producer, letter, reason, repair)
        if producer.flush(60):
            raise RuntimeError("the broker did not take all records: nothing was noted, run it again")
        if sent:
            consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    return sent


def _resend(producer: Producer, letter: Message, reason: str, repair: Callable[[bytes], bytes | None]) -> bool:
    headers = dict(letter.headers() or [])
    if headers.get("reason") != reason.encode() or "truncated" in headers:
        return False
    value = repair(letter.value() or b"")
    if value is None:
        return False
    producer.produce(headers["source-topic"].decode(), key=letter.key(), value=value, headers=own_headers(letter))
    return True


def own_headers(letter: Message) -> list[tuple[str, bytes | None]]:
    """The headers that the record came with: those before the last "source-topic", where Headwater's begin."""
    headers = letter.headers() or []
    begin = max(number for number, (name, _) in enumerate(headers) if name == "source-topic")
    return headers[:begin]


if __name__ == "__main__":
    print(f"sent again: {resend(*sys.argv[1:4])}")
