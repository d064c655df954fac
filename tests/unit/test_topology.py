"""Topics and stages are declared once, and what derives from them is what is stored and what users see."""

from __future__ import annotations

import pytest

from schemas.kinds import Kind
from streams import topology
from streams.settings import Settings
from streams.topology import (
    ALL,
    CATALOG,
    CATALOG_ITEMS,
    CATALOG_STATE,
    CLICK,
    DEAD_LETTERS,
    DRAFTS,
    EVENTS,
    INPUTS,
    ITEM_STATE,
    ITEM_UPDATES,
    ITEMS,
    NARRATOR,
    PROFILES,
    RECOMMENDATIONS,
    STAGES,
    TOPIC_IDS,
    USER_STATE,
    Stage,
    Topic,
)


def test_all_topics_are_there_under_their_names() -> None:
    names = [
        "events.click.v1", "events.search.v1", "events.purchase.v1", "events.impression.v1", "catalog.items.v1",
        "recommendations.v1", "item-updates.v1", "item-state.v1", "drafts.v1", "dead-letters.v1", "user-state.v1",
        "catalog-state.v1", "topic-ids.v1",
    ]  # fmt: skip
    assert [topic.suffix for topic in ALL] == names


def test_numbers_of_sources_are_those_in_stored_states() -> None:
    stored = {"events.click.v1": 0, "events.search.v1": 1, "events.purchase.v1": 2, "events.impression.v1": 3,
              "catalog.items.v1": 4}  # fmt: skip
    numbers = {topic.suffix: topic.source_number for topic in ALL if topic.source_number is not None}
    assert stored.items() <= numbers.items()
    assert len(set(numbers.values())) == len(numbers)


def test_names_of_stages_and_tables_are_those_of_groups_and_folders() -> None:
    tables = {stage.name: stage.table.name if stage.table else None for stage in STAGES}
    assert tables == {"profiles": "users", "catalog": "catalog", "items": "items", "narrator": None}
    assert PROFILES.group("shop") == "shop.profiles"


def test_every_input_is_read_and_has_a_number() -> None:
    assert set(INPUTS) == set(Kind) and set(EVENTS) == set(Kind) - {Kind.CATALOG}
    for topic in INPUTS.values():
        assert topic.source_number is not None and topic in topology.READ
        assert f"{topic.keyed_by}_id" == topic.kind.key_field  # type: ignore[union-attr]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_has_one_key(stage: Stage) -> None:
    topics = [*stage.reads, *([stage.table.changelog] if stage.table else [])]
    assert {topic.keyed_by for topic in topics} == {stage.key}


def test_changelogs_and_topics_in_memory_keep_the_last_of_each_key() -> None:
    held = {topic for stage in STAGES for topic in stage.holds}
    for topic in held | {table.changelog for table in topology.TABLES}:
        assert topic.cleanup == "compact"
    assert held <= {table.changelog for table in topology.TABLES}


def test_stages_stop_before_those_that_read_what_they_write() -> None:
    for place, stage in enumerate(STAGES):
        for later in STAGES[:place]:
            assert not set(stage.writes) & set(later.reads), f"{stage.name} has to stop before {later.name}"


@pytest.mark.parametrize(
    ("topic", "again"),
    [
        (CLICK, [(PROFILES, CLICK)]),
        (CATALOG_ITEMS, [(CATALOG, CATALOG_ITEMS)]),
        (DRAFTS, [(NARRATOR, DRAFTS)]),
        (USER_STATE, [(PROFILES, topic) for topic in EVENTS.values()]),
        (CATALOG_STATE, [(CATALOG, CATALOG_ITEMS)]),
        (ITEM_UPDATES, [(CATALOG, CATALOG_ITEMS), (ITEMS, ITEM_UPDATES)]),
        (ITEM_STATE, [(CATALOG, CATALOG_ITEMS), (ITEMS, ITEM_UPDATES)]),
        (RECOMMENDATIONS, []),
        (DEAD_LETTERS, []),
        (TOPIC_IDS, []),
    ],
    ids=lambda value: value.suffix if isinstance(value, Topic) else "",
)
def test_what_is_read_again_for_a_topic_that_was_made_again(topic: Topic, again: list[tuple[Stage, Topic]]) -> None:
    assert topology.read_again(topic) == again


def test_catalogue_rows_are_sent_again_where_they_were_lost() -> None:
    lost = {topic for topic in ALL if list(topology.sent_again(topic))}
    assert lost == {ITEM_UPDATES, ITEM_STATE}
    assert list(topology.sent_again(ITEM_STATE)) == [CATALOG_ITEMS]


def test_settings_of_topics() -> None:
    settings = Settings(user_partitions=6, item_partitions=3)
    assert [topic.partitions(settings) for topic in (CLICK, ITEM_STATE, TOPIC_IDS)] == [6, 3, 1]
    assert CLICK.topic_config() == {
        "cleanup.policy": "delete", "max.message.bytes": "2097152", "retention.ms": "604800000",
    }  # fmt: skip
    assert USER_STATE.topic_config() == {
        "cleanup.policy": "compact", "max.message.bytes": "2097152", "min.cleanable.dirty.ratio": "0.2",
        "segment.ms": "86400000", "segment.bytes": "134217728", "max.compaction.lag.ms": "604800000",
        "delete.retention.ms": "604800000",
    }  # fmt: skip


def test_who_writes_a_topic() -> None:
    assert topology.written_by(CLICK) == "your producers"
    assert topology.written_by(RECOMMENDATIONS) == "profiles, narrator"
    assert topology.written_by(ITEM_UPDATES) == "profiles, catalog"
    assert topology.written_by(ITEM_STATE) == "items"
    assert topology.written_by(TOPIC_IDS) == "every worker"
