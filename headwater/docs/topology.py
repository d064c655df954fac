"""Tables of topics and stages."""

from __future__ import annotations

from headwater.docs.markdown import codes, table
from streams.topology import ALL, STAGES, Stage, Topic, written_by


def topics_table() -> str:
    """The topics without their namespace."""
    rows = [
        (f"`{topic.suffix}`", topic.keyed_by, _partitions(topic), topic.cleanup, _retention(topic), written_by(topic))
        for topic in ALL
    ]
    return table(("topic", "key", "partitions", "cleanup", "kept", "written by"), rows)


def stages_table() -> str:
    """What each stage reads, keeps and writes."""
    rows = [
        (
            f"`{stage.name}`",
            stage.does,
            stage.key,
            _names(stage.reads),
            _kept(stage),
            _names(stage.writes) or "nothing else",
        )
        for stage in STAGES
    ]
    return table(("stage", "does", "by", "reads", "keeps (changelog)", "writes"), rows)


def _names(topics: tuple[Topic, ...]) -> str:
    return codes(topic.suffix for topic in topics)


def _kept(stage: Stage) -> str:
    return "nothing" if stage.table is None else f"{stage.table.keeps} (`{stage.table.changelog.suffix}`)"


def _partitions(topic: Topic) -> str:
    names = {"user": "`HEADWATER_USER_PARTITIONS`", "item": "`HEADWATER_ITEM_PARTITIONS`"}
    return names.get(topic.keyed_by, "1")


def _retention(topic: Topic) -> str:
    days = topic.retention_days
    return "the last of each key" if days is None else f"{days} day{'s' if days != 1 else ''}"
