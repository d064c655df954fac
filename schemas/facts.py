"""What a sentence may say about one recommended item: nothing else may be in it."""

from __future__ import annotations

import msgspec

from schemas.domains import Domain
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
        domain: what kind of thing is recommended.
        anchor_title: title of the anchor; None for reasons without one and for deleted items.
        liked: whether the user is known to like the anchor: by a like, a favourite, a purchase or a high rating.
        query: what the user searched for, for ``search_match``.
        said: fingerprint of the sentence that the user got last, 0 for none: it is not said again.
        user_key: the user's id, only ever hashed.
        item_key: the item's id, only ever hashed.
    """

    kind: ReasonKind
    title: str | None
    categories: tuple[str, ...] = ()
    locale: str = "en"
    domain: Domain = Domain.GENERAL
    anchor_title: str | None = None
    liked: bool = False
    query: str | None = None
    said: int = 0
    user_key: str = ""
    item_key: str = ""
