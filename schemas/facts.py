"""What a sentence may say about one recommended item: nothing else may be in it."""

from __future__ import annotations

import msgspec

from schemas.recommendation import ReasonKind

ANCHORED = frozenset(
    {
        ReasonKind.CO_WATCHED,
        ReasonKind.BOUGHT_TOGETHER,
        ReasonKind.SAME_GENRE,
        ReasonKind.NEXT_IN_SEQUENCE,
    }
)
"""Reasons that name an item which the user knows already: the anchor."""


class Facts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Facts of one sentence, as the catalogue and the user wrote them: untrusted, not yet cleaned.

    Attributes:
        kind: why the item is recommended.
        title: title of the recommended item; None or blank where the catalogue has none.
        categories: categories of the recommended item, most telling first; for ``same_genre`` only those that the
            anchor has as well ("another comedy" says so of both).
        locale: locale of the event or item, for example ``en-GB``.
        anchor_title: title of the anchor; None for reasons without one and for deleted items.
        query: what the user searched for, for ``search_match``.
        user_key: the user's id, only ever hashed.
        item_key: the item's id, only ever hashed.
    """

    kind: ReasonKind
    title: str | None
    categories: tuple[str, ...] = ()
    locale: str = "en"
    anchor_title: str | None = None
    query: str | None = None
    user_key: str = ""
    item_key: str = ""
