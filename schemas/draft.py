"""Drafts: ranked records on their way to the narrator, with all that it needs to write."""

from __future__ import annotations

import msgspec

from schemas.recommendation import Latency, ReasonKind, Recommendation, TextSource


class DraftFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the text may say about the first item; titles, categories and query are untrusted data."""

    kind: ReasonKind
    title: str
    categories: tuple[str, ...] = ()
    locale: str | None = None
    anchor_title: str | None = None
    query: str | None = None
    user_key: str
    item_key: str


class Draft(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A record without text, for an event that arrived at ``arrived_ms``, due at ``deadline_ms`` (both epoch ms).

    Both times are epoch milliseconds.
    """

    recommendation: Recommendation
    facts: DraftFacts
    arrived_ms: int
    deadline_ms: int

    def with_text(
        self, text: str, source: TextSource, *, language_model: str | None, created_at: str, latency_ms: Latency
    ) -> Recommendation:
        """The finished record; its id stays, so a reader lets the later ``created_at`` win."""
        return msgspec.structs.replace(
            self.recommendation,
            text=text,
            text_source=source,
            language_model=language_model,
            created_at=created_at,
            latency_ms=latency_ms,
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Draft).decode


def encode(draft: Draft) -> bytes:
    """JSON in UTF-8."""
    return _encode(draft)


def decode(value: bytes) -> Draft:
    """The draft in ``value``. Raises `msgspec.DecodeError` for anything else."""
    return _decode(value)
