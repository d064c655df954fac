"""What a sentence may say about one recommended item: nothing else may be in it."""

from __future__ import annotations

from typing import Literal

import msgspec

from operators.narration.check_rules import CheckRule
from schemas.recommendation import ReasonKind, TextSource

Language = Literal["en", "zh"]

ANCHORED = frozenset(
    {
        ReasonKind.CO_WATCHED,
        ReasonKind.BOUGHT_TOGETHER,
        ReasonKind.SAME_GENRE,
        ReasonKind.NEXT_IN_SEQUENCE,
    }
)
"""Reasons that speak of an item which the user knows already."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of one sentence, as the catalogue and the user wrote them (untrusted, not yet cleaned).

    Attributes:
        kind: why the item is recommended.
        title: title of the recommended item; None or blank where the catalogue has none.
        categories: categories of the recommended item, most telling first; for ``same_genre`` only those that the
            anchor has as well ("another comedy" says so of both).
        locale: locale of the event or item, for example ``en-GB`` (see `language_of`).
        anchor_title: title of the item that the reason speaks of; None for reasons without one, or deleted items.
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


class Text(msgspec.Struct, frozen=True):
    """A sentence fit to be shown: plain text (a web page escapes it), who wrote it, and what was refused before it."""

    text: str
    source: TextSource
    rejected: tuple[CheckRule, ...] = ()


def language_of(locale: str) -> Language:
    """Language that text is written in for a locale: Chinese for ``zh…``, English for every other.

    There are sentences in these two languages only, so a French record gets the English template, not wrong French.
    """
    return "zh" if locale[:2].lower() == "zh" and (len(locale) == 2 or locale[2] in "-_") else "en"
