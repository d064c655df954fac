"""From an event to its recommendation record: ranked list, reasons, and text, or a draft for text written live."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import NamedTuple

import msgspec
import numpy as np

from operators.narration.frames import FrameLibrary
from operators.narration.narrate import Narration, narrate, nothing
from operators.ranking.emptiness import why_empty
from operators.ranking.ranker import RankedList
from operators.state.user_state import UserState, likes
from schemas import draft as drafts
from schemas import recommendation as records
from schemas.facts import Facts
from schemas.recommendation import Latency, ReasonKind, Recommendation, RecommendedItem
from schemas.records import CatalogItem
from streams.engine import Outbox
from streams.metrics import Step
from streams.model.admission import Priority
from streams.stages.context import Context
from streams.topology import DRAFTS, RECOMMENDATIONS

_LIVE = 1
"""Bit of `UserState.said`, whose fingerprints are even: the last sentence was to be written live."""
MODEL_VERSION = f"headwater-{version('headwater')}"


class AnsweredEvent(NamedTuple):
    """An event to be answered.

    Epoch ms: ``as_of``, for which the list is made, is when the event first came; ``arrived``, from which latency
    counts, is when its record did. They differ for what is put into Kafka again.
    """

    state: UserState
    topic: str
    partition: int
    offset: int
    event_id: str
    as_of: int
    arrived: int
    item_id: str | None
    query: str | None
    locale: str | None
    priority: Priority


class Answers:
    """Makes records; two events of a user in one group share a ranking, but each has its own record."""

    def __init__(self, context: Context, frames: FrameLibrary) -> None:
        self.context, self.frames = context, frames
        self._records, self._drafts = context.topic(RECOMMENDATIONS), context.topic(DRAFTS)
        self._lists: dict[tuple[int, str | None], tuple[RankedList, float]] = {}
        self._before_eyes: defaultdict[int, set[int]] = defaultdict(set)

    def begin(self, answered: Sequence[AnsweredEvent]) -> None:
        """Begin a new group: states have changed, so drop the lists of the last one.

        Lists are made when all of the group is learned. To its reader, what each of a user's events is about is before
        the eyes, not only what the last one is about.
        """
        self._lists.clear()
        self._before_eyes.clear()
        lookup = self.context.index.lookup
        for event in answered:
            if event.item_id is not None:
                self._before_eyes[id(event.state)].add(lookup[event.item_id])

    def answer(self, event: AnsweredEvent, outbox: Outbox) -> None:
        """Put the record, or the draft, that answers ``event`` into ``outbox``."""
        ranked, rank_ms = self._rank(event)
        items = self._items(ranked)
        state, metrics = event.state, self.context.metrics
        recommendation = Recommendation(
            recommendation_id=self._id(event),
            user_id=state.user_id,
            created_at="",  # `finished` says when
            model_version=MODEL_VERSION,
            trigger=records.Trigger(event.topic, event.partition, event.offset, event.event_id),
            source=ranked.source,
            items=items,
            latency_ms=Latency(rank_ms, 0.0, 0.0),
        )
        repeated = self._is_first_again(state, ranked)
        state.remember_shown(
            recommendation.recommendation_id, ranked.items.tolist(), self.context.recommender.parameters.shown
        )
        metrics.recommendations.of(ranked.source).add()
        key = state.user_id.encode()
        if not items:
            metrics.empty_lists.of(why_empty(self.context.index, self.context.clock.now_ms())).add()
            self._send(outbox, key, event, recommendation, nothing(self._locale(event, None)), 0.0)
            return
        facts = self._facts(event, ranked, items[0])
        if not (repeated and state.said & _LIVE) and self.context.live.admits(facts, event.priority):
            state.said = narrate(facts, self.frames).fingerprint | _LIVE  # what is sent if the model is late
            metrics.drafts_admitted.of().add()
            outbox.add(self._drafts, event.partition, key, drafts.encode(self._draft(event, recommendation, facts)))
            return
        started = self.context.clock.monotonic()
        text = narrate(facts, self.frames)
        state.said = text.fingerprint
        self._send(outbox, key, event, recommendation, text, (self.context.clock.monotonic() - started) * 1000)

    def _rank(self, event: AnsweredEvent) -> tuple[RankedList, float]:
        key = (id(event.state), event.query)
        found = self._lists.get(key)
        if found is None:
            started = self.context.clock.monotonic()
            ranked = self.context.recommender.rank(
                event.state,
                now_ms=event.as_of,
                query=event.query,
                limit=self.context.settings.list_length,
                exploration_key=event.offset,
                before_eyes=self._before_eyes[id(event.state)],
            )
            seconds = self.context.clock.monotonic() - started
            self.context.metrics.ranking_seconds.of().observe(seconds)
            self.context.metrics.stage_seconds.of(Step.RANK).observe(seconds)
            found = self._lists[key] = (ranked, round(seconds * 1000, 3))
        return found

    def _items(self, ranked: RankedList) -> tuple[RecommendedItem, ...]:
        index, rows = self.context.index, ranked.items.tolist()
        named = index.titled[ranked.items].tolist()
        catalog = [index.catalog[row] if titled else None for row, titled in zip(rows, named, strict=True)]
        scores = np.rint(ranked.scores.astype(np.float64) * 1e6) / 1e6
        return tuple(
            map(
                RecommendedItem,
                map(index.ids.__getitem__, rows),
                range(1, len(rows) + 1),
                scores.tolist(),
                ranked.reasons,
                ranked.contributions,
                ranked.propensities.tolist(),
                [None if row is None else row.title for row in catalog],
            )
        )

    def _is_first_again(self, state: UserState, ranked: RankedList) -> bool:
        """Whether the last list began with the same item: a live sentence about it could be the same again."""
        last = state.shown[-1].items if state.shown else None
        return last is not None and len(last) > 0 and len(ranked.items) > 0 and last[0] == int(ranked.items[0])

    def _locale(self, event: AnsweredEvent, row: CatalogItem | None) -> str:
        return event.locale or (row.locale if row is not None else None) or self.context.settings.locale

    def _facts(self, event: AnsweredEvent, ranked: RankedList, first: RecommendedItem) -> Facts:
        index, reason = self.context.index, first.reason
        row = index.catalog[int(ranked.items[0])]
        known = index.lookup.get(reason.anchor_item_id) if reason.anchor_item_id is not None else None
        anchor = None if known is None else index.catalog[known]
        categories = () if row is None else row.categories
        if reason.kind is ReasonKind.SAME_GENRE and known is not None:
            telling = self.context.recommender.telling_categories(known, int(ranked.items[0]))
            categories = tuple(category for category in categories if category in telling)
        return Facts(
            kind=reason.kind,
            title=first.title,
            categories=categories,
            locale=self._locale(event, row),
            domain=self.context.settings.domain,
            anchor_title=None if anchor is None or not index.titled[known] else anchor.title,
            query=reason.query,
            said=event.state.said & ~_LIVE,
            liked=known is not None and likes(event.state, known),
            user_key=event.state.user_id,
            item_key=first.item_id,
        )

    def _draft(self, event: AnsweredEvent, recommendation: Recommendation, facts: Facts) -> drafts.Draft:
        return drafts.Draft(
            recommendation=recommendation,
            facts=facts,
            arrived_ms=event.arrived,
            deadline_ms=self.context.clock.now_ms() + int(self.context.settings.draft_deadline * 1000),
        )

    def _id(self, event: AnsweredEvent) -> str:
        """An id from topic id, partition and offset: the same in a replay, another one in a topic made again."""
        return f"{self.context.incarnations[event.topic].topic_id}-{event.partition}-{event.offset}"

    def _send(
        self,
        outbox: Outbox,
        key: bytes,
        event: AnsweredEvent,
        recommendation: Recommendation,
        text: Narration,
        text_ms: float,
    ) -> None:
        record = finished(self.context, recommendation, text, event.arrived, text_ms, None)
        outbox.add(self._records, event.partition, key, records.encode(record))


def finished(
    context: Context, recommendation: Recommendation, text: Narration, arrived: int, text_ms: float, model: str | None
) -> Recommendation:
    """The record as it is sent: with text, time and latency (ms). Counts it in the metrics."""
    total = context.latency_ms(arrived)
    context.metrics.texts.of(text.source).add()
    for rule in text.rejected:
        context.metrics.checker_rejections.of(rule).add()
    context.metrics.event_to_record_seconds.of().observe(total / 1000)
    return msgspec.structs.replace(
        recommendation,
        created_at=rfc3339(context.clock.now_ms()),
        text=text.text,
        language=text.language,
        text_source=text.source,
        language_model=model,
        latency_ms=Latency(recommendation.latency_ms.rank, round(text_ms, 3), round(total, 3)),
    )


def rfc3339(ms: int) -> str:
    """Epoch milliseconds as RFC 3339 text in UTC."""
    second, rest = divmod(ms, 1000)
    return f"{_second(second)}.{rest:03d}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    """The text of a whole second, cached: many records are sent in the same one."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
