"""Topics of one key with different numbers of partitions: one message with all of them, and advice that works."""

from __future__ import annotations

import pytest

from streams.broker.partition_counts import other_counts, refuse_other_counts
from streams.errors import TopicMismatchError
from streams.settings import Settings
from streams.topology import ALL, CLICK, TOPIC_IDS, Topic


def counted(**others: int) -> dict[Topic, int]:
    """All topics as created by default, but for those named (`.` as `_`)."""
    settings = Settings()
    return {
        topic: others.get(topic.suffix.replace(".", "_").replace("-", "_"), topic.partitions(settings)) for topic in ALL
    }


def test_all_topics_that_differ_are_in_one_message() -> None:
    settings = Settings(namespace="shop")
    with pytest.raises(TopicMismatchError) as caught:
        refuse_other_counts(settings, "shop", counted(events_search_v1=5, item_updates_v1=3))
    text = str(caught.value)
    for topic in ALL:
        if topic is not TOPIC_IDS:
            assert f"{topic.name('shop')} has " in text
    for part in ("HEADWATER_USER_PARTITIONS=8", "HEADWATER_ITEM_PARTITIONS=4", "shop.events.search.v1 has 5",
                 "topics accept shop.events.search.v1", "topics accept shop.item-updates.v1"):  # fmt: skip
        assert part in text


def test_where_all_agree_the_setting_is_named() -> None:
    settings = Settings(namespace="shop", user_partitions=8)
    counts = {topic: 5 if topic.keyed_by == "user" else n for topic, n in counted().items()}
    ((_, remedy),) = other_counts(settings, "shop", counts)
    assert remedy.startswith("Set HEADWATER_USER_PARTITIONS=5,")


def test_the_number_of_the_state_is_right() -> None:
    """Not that of the settings: the states were made with it."""
    counts = {topic: 4 if topic.keyed_by == "user" else n for topic, n in counted().items()} | {CLICK: 6}
    for set_to in (4, 6, 8):
        ((wrong, remedy),) = other_counts(Settings(namespace="shop", user_partitions=set_to), "shop", counts)
        assert "shop.events.click.v1 has 6" in wrong and "delete shop.events.click.v1 (" in remedy
        assert ("set HEADWATER_USER_PARTITIONS=4" in remedy) == (set_to != 4)


def test_topics_as_set_are_fine() -> None:
    refuse_other_counts(Settings(namespace="shop"), "shop", counted())
