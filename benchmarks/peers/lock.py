"""The jars of Kafka Streams, pinned and checked as the broker's are.

``python -m benchmarks.peers.lock`` resolves them afresh.
"""

from __future__ import annotations

from pathlib import Path

from headwater.local_kafka.jars import KAFKA_VERSION, Progress, locked_class_path, read_lock, write_lock

ROOTS = (f"org.apache.kafka:kafka-streams:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")
LOCK = Path(__file__).parent / "kafka_streams.lock"
HEADER = """\
# The jars of the Kafka Streams peer: Maven coordinates and SHA-256, everything that its roots need.
# Checked before every start. Rewritten by `python -m benchmarks.peers.lock` after a change of its ROOTS.
"""


def class_path(cache_dir: Path, progress: Progress) -> str:
    """Raises ``KafkaJarsError`` when the jars are neither there nor to be had."""
    return locked_class_path(read_lock(LOCK.read_text()), cache_dir, progress)


if __name__ == "__main__":
    print(f"{write_lock(LOCK, ROOTS, HEADER)} jars written to {LOCK}")
