"""Topics with the same key have the same number of partitions, as state is by partition: one message for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from streams.errors import TopicMismatchError
from streams.topology import ALL, TABLES, Key, PartitionCounts, Topic


def refuse_other_counts(settings: PartitionCounts, namespace: str, counts: Mapping[Topic, int]) -> None:
    """Raises :class:`TopicMismatchError` unless the topics of ``counts`` (those that exist) have what is set."""
    found = list(other_counts(settings, namespace, counts))
    if found:
        raise TopicMismatchError(" ".join(f"{what} {remedy}" for what, remedy in found))


def other_counts(settings: PartitionCounts, namespace: str, counts: Mapping[Topic, int]) -> Iterator[tuple[str, str]]:
    """What is wrong, and what to do, for each key whose topics have other numbers of partitions than is set."""
    for key in get_args(Key):
        found = {topic: count for topic, count in counts.items() if topic.keyed_by == key}
        wanted = {topic: topic.partitions(settings) for topic in ALL if topic.keyed_by == key}
        if any(count != wanted[topic] for topic, count in found.items()):
            number = next(iter(wanted.values()))
            yield _listed(namespace, key, found, number), _remedy(namespace, key, found, number)


def _listed(namespace: str, key: Key, found: Mapping[Topic, int], wanted: int) -> str:
    each = ", ".join(f"{topic.name(namespace)} has {count}" for topic, count in found.items())
    return (
        f"Topics by {key} must all have {_setting(key, wanted)} partitions, since state is by partition: {each}. "
        "Nothing of them is learned."
    )


def _setting(key: Key, count: int) -> str:
    return str(count) if key == "topic" else f"HEADWATER_{key.upper()}_PARTITIONS={count}"


def _remedy(namespace: str, key: Key, found: Mapping[Topic, int], wanted: int) -> str:
    elsewhere = "choose another HEADWATER_NAMESPACE, run headwater topics create and replay the events"
    if len(set(found.values())) == 1 and key != "topic":
        return f"Set {_setting(key, next(iter(found.values())))}, or {elsewhere}."
    right = _of_the_state(found) or wanted
    wrong = [topic.name(namespace) for topic, count in found.items() if count != right]
    set_it = "" if right == wanted else f"set {_setting(key, right)}, "
    accepts = ", ".join(f"headwater topics accept {name}" for name in wrong)
    return (
        f"Kafka takes no partitions back, so stop the workers, {set_it}delete {', '.join(wrong)} "
        f"(kafka-topics.sh --delete; what is in them is lost), run headwater topics create, then {accepts}; or "
        f"{elsewhere}."
    )


def _of_the_state(found: Mapping[Topic, int]) -> int | None:
    """The number of partitions that state was made with; None where there is none, or more than one."""
    counts = {found[table.changelog] for table in TABLES if table.changelog in found}
    return counts.pop() if len(counts) == 1 else None
