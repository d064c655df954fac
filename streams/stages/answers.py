"""From a trigger to a record: ranked list, reasons, text from frame or template, or a draft for live text."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import NamedTuple

import msgspec
import numpy as np

from operators.narration.frames import FrameLibrary
from operators.narration.narrate import Narration, narrate
from operators.ranking.ranker import RankedList
from operators.state.user_state import UserState
from schemas import draft as drafts
from schemas import recommendation as records
from schemas.facts import Facts
from schemas.recommendation import Latency, ReasonKind, Recommendation, RecommendedItem, TextSource
from streams.engine import Outbox
from streams.metrics import Step
from streams.model.admission import Priority
from streams.stages.context import Context
from streams.topology import DRAFTS, RECOMMENDATIONS

MODEL_VERSION = f"headwater-{version('headwater')}"


class Trigger(NamedTuple):
    """An event that is answered; ``arrived`` and ``now`` in epoch ms."""

    state: UserState
    topic: str
    partition: int
    offset: int
    event_id: str
    arrived: int
    query: str | None
    locale: str | None
    priority: Priority


class Answers:
    """Makes records; a user touched twice in a group gets one ranking and two records."""

    def __init__(self, context: Context, frames: FrameLibrary) -> None:
        self.context, self.frames = context, frames
        self._records, self._drafts = context.topic(RECOMMENDATIONS), context.topic(DRAFTS)
        self._lists: dict[tuple[int, str | None], tuple[RankedList, float]] = {}

    def begin(self) -> None:
        """A new group: states have moved on, lists are made anew."""
        self._lists.clear()

    def answer(self, trigger: Trigger, outbox: Outbox) -> None:
        """Put the record, or the draft, that answers ``trigger`` into ``outbox``."""
        ranked, rank_ms = self._rank(trigger)
        items = self._items(ranked)
        state, metrics = trigger.state, self.context.metrics
        recommendation = Recommendation(
            recommendation_id=self._id(trigger),
            user_id=state.user_id,
            created_at="",  # `finished` says when
            model_version=MODEL_VERSION,
            trigger=records.Trigger(trigger.topic, trigger.partition, trigger.offset, trigger.event_id),
            source=ranked.source,
            items=items,
            latency_ms=Latency(rank_ms, 0.0, 0.0),
        )
        state.remember_shown(
            recommendation.recommendation_id, ranked.items.tolist(), self.context.recommender.parameters.shown
        )
        metrics.recommendations.of(ranked.source).add()
        key = state.user_id.encode()
        if not items:
            self._send(outbox, key, trigger, recommendation, Narration("", TextSource.TEMPLATE), 0.0)
            return
        facts = self._facts(trigger, ranked, items[0])
        if self.context.live.admits(facts, trigger.priority):
            metrics.drafts_admitted.of().add()
            outbox.add(self._drafts, trigger.partition, key, drafts.encode(self._draft(trigger, recommendation, facts)))
            return
        started = time.perf_counter()
        text = narrate(facts, self.frames)
        self._send(outbox, key, trigger, recommendation, text, (time.perf_counter() - started) * 1000)

    def _rank(self, trigger: Trigger) -> tuple[RankedList, float]:
        key = (id(trigger.state), trigger.query)
        found = self._lists.get(key)
        if found is None:
            started = time.perf_counter()
            ranked = self.context.recommender.rank(
                trigger.state,
                now_ms=self.context.now_ms(),
                query=trigger.query,
                limit=self.context.settings.list_length,
                exploration_key=trigger.offset,
            )
            seconds = time.perf_counter() - started
            self.context.metrics.ranking_seconds.of().observe(seconds)
            self.context.metrics.stage_seconds.of(Step.RANK).observe(seconds)
            found = self._lists[key] = (ranked, round(seconds * 1000, 3))
        return found

    def _items(self, ranked: RankedList) -> tuple[RecommendedItem, ...]:
        index, rows = self.context.index, ranked.items.tolist()
        catalog = map(index.catalog.__getitem__, rows)
        scores = np.rint(ranked.scores.astype(np.float64) * 1e6) / 1e6
        return tuple(
            map(
                RecommendedItem,
                map(index.ids.__getitem__, rows),
                ["" if row is None else row.title for row in catalog],
                range(1, len(rows) + 1),
                scores.tolist(),
                ranked.reasons,
                ranked.contributions,
                ranked.propensities.tolist(),
            )
        )

    def _facts(self, trigger: Trigger, ranked: RankedList, first: RecommendedItem) -> Facts:
        index, reason = self.context.index, first.reason
        row = index.catalog[int(ranked.items[0])]
        known = index.lookup.get(reason.anchor_item_id) if reason.anchor_item_id is not None else None
        anchor = None if known is None else index.catalog[known]
        categories = () if row is None else row.categories
        if reason.kind is ReasonKind.SAME_GENRE and anchor is not None:
            categories = tuple(category for category in categories if category in anchor.categories)
        return Facts(
            kind=reason.kind,
            title=first.title or None,
            categories=categories,
            locale=trigger.locale or (row.locale if row is not None else None) or self.context.settings.locale,
            anchor_title=None if anchor is None else anchor.title,
            query=reason.query,
            user_key=trigger.state.user_id,
            item_key=first.item_id,
        )

    def _draft(self, trigger: Trigger, recommendation: Recommendation, facts: Facts) -> drafts.Draft:
        return drafts.Draft(
            recommendation=recommendation,
            facts=facts,
            arrived_ms=trigger.arrived,
            deadline_ms=self.context.now_ms() + int(self.context.settings.draft_deadline * 1000),
        )

    def _id(self, trigger: Trigger) -> str:
        """From topic id, partition and offset: a replay gives the same id, a recreated topic does not."""
        return f"{self.context.incarnations[trigger.topic].topic_id}-{trigger.partition}-{trigger.offset}"

    def _send(
        self,
        outbox: Outbox,
        key: bytes,
        trigger: Trigger,
        recommendation: Recommendation,
        text: Narration,
        text_ms: float,
    ) -> None:
        record = finished(self.context, recommendation, text, trigger.arrived, text_ms, None)
        outbox.add(self._records, trigger.partition, key, records.encode(record))


def finished(
    context: Context, recommendation: Recommendation, text: Narration, arrived: int, text_ms: float, model: str | None
) -> Recommendation:
    """The record as it leaves, and its metrics."""
    total = context.latency_ms(arrived)
    context.metrics.texts.of(text.source).add()
    for rule in text.rejected:
        context.metrics.checker_rejections.of(rule).add()
    context.metrics.event_to_record_seconds.of().observe(total / 1000)
    return msgspec.structs.replace(
        recommendation,
        created_at=rfc3339(context.now_ms()),
        text=text.text,
        text_source=text.source,
        language_model=model,
        latency_ms=Latency(recommendation.latency_ms.rank, round(text_ms, 3), round(total, 3)),
    )


def rfc3339(ms: int) -> str:
    """Epoch milliseconds in UTC with millisecond precision."""
    second, rest = divmod(ms, 1000)
    return f"{_second(second)}.{rest:03d}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    """Many records leave in one."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
