"""Recommendation records: what Headwater writes for each event that it answers."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Source(StrEnum):
    """The rung of the cold-start ladder that the list stands on."""

    PERSONAL = "personal"
    SESSION = "session"
    SEARCH = "search"
    TRENDING = "trending"


class TextSource(StrEnum):
    """Who wrote the text: the live model, a reviewed frame, or the hand-written template of last resort."""

    LLM = "llm"
    FRAME = "frame"
    TEMPLATE = "template"


class ReasonKind(StrEnum):
    """Why an item is recommended; `docs/reasons.md` has the condition of each kind."""

    CO_WATCHED = "co_watched"
    BOUGHT_TOGETHER = "bought_together"
    SAME_GENRE = "same_genre"
    NEXT_IN_SEQUENCE = "next_in_sequence"
    SEARCH_MATCH = "search_match"
    TRENDING = "trending"
    REPEAT = "repeat"
    TASTE = "taste"
    FILL = "fill"
    NEW = "new"


ISOLATE, END_OF_ISOLATE = "\u2068", "\u2069"
"""First strong isolate, and the end of one (Unicode Bidirectional Algorithm, X5c): what is between them in a text has a
direction of its own and moves nothing outside."""


class TextDirection(StrEnum):
    """Base direction of the text. Names of the other direction in it are isolated."""

    LEFT_TO_RIGHT = "ltr"
    RIGHT_TO_LEFT = "rtl"


class Trigger(msgspec.Struct, frozen=True, gc=False):
    """The event that the record answers, by its place in Kafka and its own id."""

    topic: str
    partition: int
    offset: int
    event_id: str


class Reason(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Each field but ``kind`` is absent where the reason has none.

    Attributes:
        anchor_item_id: the item that the user knows.
        query: what was searched for.
        support: distinct people on whom the claim stands, at least; absent for what the catalogue proves.
    """

    kind: ReasonKind
    anchor_item_id: str | None = None
    query: str | None = None
    support: int = 0


class RecommendedItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One place of the list: ``rank`` from 1, ``contributions`` as shares by generator, ``propensity`` in (0, 1].

    ``title`` is the catalogue's; absent where that has none, or a placeholder such as ``(not set)``.

    ``docs/record.md`` explains each field to those who read the record.
    """

    item_id: str
    rank: int
    score: float
    reason: Reason
    contributions: dict[str, float]
    propensity: float
    title: str | None = None


class Latency(msgspec.Struct, frozen=True, gc=False):
    """Milliseconds: ranking, writing the text, and from the event's arrival in Kafka to the record."""

    rank: float
    text: float
    total: float


class Recommendation(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The value of ``recommendations.v1``. ``created_at``: RFC 3339, UTC; ``language_model``: null unless one wrote.

    ``language``: BCP 47 tag of the text, which may be another one than the reader's locale.
    """

    recommendation_id: str
    user_id: str
    created_at: str
    model_version: str
    trigger: Trigger
    source: Source
    items: tuple[RecommendedItem, ...]
    text: str = ""
    language: str = "en"
    text_direction: TextDirection = TextDirection.LEFT_TO_RIGHT
    text_source: TextSource = TextSource.TEMPLATE
    language_model: str | None = None
    latency_ms: Latency


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Recommendation).decode


def encode(recommendation: Recommendation) -> bytes:
    """JSON in UTF-8; absent are only an item's title and what a reason has not."""
    return _encode(recommendation)


def decode(value: bytes) -> Recommendation:
    """The record in ``value``. Raises `msgspec.DecodeError` for anything else."""
    return _decode(value)
