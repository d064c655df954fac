"""What the pipeline must have done: the same events through the operators alone, in one process, in offset order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from schemas.limits import Limits
from schemas.parse import parse
from schemas.records import Click
from schemas.rejection import Rejection
from streams.broker.update_messages import source_number
from streams.clock import Clock
from streams.stages.event_time import event_time
from streams.topology import EVENTS
from tests.integration.shop import Shop, by_id

Trigger = tuple[str, int, int]


@dataclass(slots=True)
class Replay:
    """Outcome of a single-process replay of all event topics."""

    index: ItemIndex = field(default_factory=lambda: ItemIndex(Parameters()))
    states: dict[str, UserState] = field(default_factory=dict)
    triggers: set[Trigger] = field(default_factory=set)
    """(topic, partition, offset) of every event that has to be answered."""
    people: Counter[str] = field(default_factory=Counter)
    """By item: distinct users who took it, and did not rate it low when they first did."""
    rejected: dict[Trigger, str] = field(default_factory=dict)
    """Reason by place of every record that has to be refused."""


def replay(shop: Shop, forgotten: Mapping[str, int] | None = None) -> Replay:
    """Read the event topics of ``shop`` (read committed) and learn them, topic by topic, in the order of their offsets.

    Counters and applied offsets do not depend on how the topics were interleaved, as event ids are unique in a topic.
    ``forgotten``: users whose states were removed, with a Kafka time between their last event before and their first
    after.
    """
    made, now, before = Replay(), Clock().now_ms(), dict[str, UserState]()
    recommender = Recommender(Parameters(), made.index, shop.settings.seed)
    limits, tolerance = Limits(max_bytes=shop.settings.max_record_bytes), int(shop.settings.future_tolerance * 1000)
    for kind, topic in EVENTS.items():
        for message in shop.read(topic.suffix):
            where = (message.topic(), message.partition(), message.offset())
            event: Any = parse(kind, message.value(), key=message.key(), now_ms=now, limits=limits)
            if isinstance(event, Rejection):
                made.rejected[where] = event.code.value
                continue
            states = made.states if message.timestamp()[1] >= (forgotten or {}).get(event.user_id, 0) else before
            state = states.get(event.user_id)
            if state is None:
                state = states[event.user_id] = UserState.fresh(event.user_id, recommender.parameters)
            times = event_time(message.timestamp()[1], event.occurred_at, now, tolerance)
            source = source_number(0, topic.source_number, message.partition())
            known = len(state.consumed)
            observation = recommender.observe(state, event, times.occurred, source, message.offset())
            if observation.answers and message.timestamp()[1] >= shop.began_ms:  # older ones are learned only
                made.triggers.add(where)
            if len(state.consumed) > known and not is_low(event):
                made.people[event.item_id] += 1
        recommender.flush()
    return made


def facts(state: UserState, index: ItemIndex) -> dict[str, Any]:
    """What of a user's state is the same however the topics were interleaved."""
    return {
        "clicks": state.clicks,
        "searches": state.searches,
        "purchases": state.purchases,
        "impressions": state.impressions,
        "negatives": state.negatives,
        "learned": state.learned,
        "applied": state.applied,
        "consumed": sorted(index.ids[item] for item in state.consumed),  # how often depends on what came first
    }


def is_low(event: Any) -> bool:
    """Whether it is a rating that speaks against the item."""
    rated = isinstance(event, Click) and event.action == "rate" and event.value is not None
    return rated and event.value <= Parameters().low_rating * Parameters().rating_scale


def people_of(index: ItemIndex) -> dict[str, float]:
    """How many distinct people each item has that anybody has taken."""
    counted = zip(index.ids, index.interactions[: index.size].tolist(), strict=True)
    return {item: people for item, people in counted if people}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an exact comparison found besides being exact."""

    users: int
    records: int
    repeated: int
    """Records that came more than once, with the same id."""


def assert_exact(shop: Shop, forgotten: Mapping[str, int] | None = None) -> Verdict:
    """All of ``shop`` was learned once, answered and merged once; nothing waits. ``forgotten``: as in ``replay``."""
    wanted, index = replay(shop, forgotten), ItemIndex(Parameters())
    states = shop.user_states(index)
    expected = {user: facts(state, wanted.index) for user, state in wanted.states.items()}
    found = {user: facts(state, index) for user, state in states.items()}
    wrong = {user: (found.get(user), expected.get(user)) for user in found.keys() | expected.keys()
             if found.get(user) != expected.get(user)}  # fmt: skip
    assert not wrong, f"{len(wrong)} users differ (found, expected): {dict(list(wrong.items())[:3])}"

    records = shop.records()
    answered: dict[Trigger, str] = {}
    for record in records:
        trigger = record["trigger"]
        where = (trigger["topic"], trigger["partition"], trigger["offset"])
        known = answered.setdefault(where, record["recommendation_id"])
        assert known == record["recommendation_id"], f"{where} was answered under two ids"
    missing = wanted.triggers - answered.keys()
    assert not missing, f"{len(missing)} events were never answered, {sorted(missing)[:5]}"
    assert not answered.keys() - wanted.triggers, "records for events that are not to be answered"
    assert len(set(answered.values())) == len(answered), "two events were answered under one id"

    refused = {
        (headers["source-topic"], int(headers["source-partition"]), int(headers["source-offset"])): headers["reason"]
        for headers, _ in shop.dead_letters()
        if headers["stage"] == "profiles"
    }
    assert refused == wanted.rejected

    items = shop.items()
    merged = people_of(items)
    assert merged == wanted.people, f"{sum(merged.values())} people of items merged, {wanted.people.total()} learned"
    assert not any(shop.lags().values()), shop.lags()
    ids = by_id(records)
    return Verdict(len(states), len(ids), len(records) - len(ids))


def describe(found: Verdict) -> str:
    return json.dumps({"users": found.users, "records": found.records, "repeated": found.repeated})
