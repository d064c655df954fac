"""How shops write yes, no and a price. What is not in these tables is not guessed."""

from __future__ import annotations

import re

AVAILABLE: dict[str, bool] = {
    **dict.fromkeys(("true", "yes", "y", "t", "on", "1"), True),
    **dict.fromkeys(("false", "no", "n", "f", "off", "0"), False),
    **dict.fromkeys(("available", "in stock", "active", "published"), True),
    **dict.fromkeys(("unavailable", "not available", "out of stock", "sold out", "discontinued"), False),
    **dict.fromkeys(("limited availability", "in store only", "online only", "made to order"), True),
    **dict.fromkeys(("pre order", "pre sale", "back order", "on back order", "available for order"), True),
    **dict.fromkeys(("reserved", "inactive", "unpublished", "draft", "archived", "disabled", "hidden"), False),
}
"""Spellings of an availability, in lower case. Blanks, underscores and hyphens between the words do not matter."""

_BETWEEN_WORDS = re.compile(r"(?<=[a-z])[\s_-]+(?=[a-z])")
_BY_LETTERS = {_BETWEEN_WORDS.sub("", spelling): meaning for spelling, meaning in AVAILABLE.items()}
_SCHEMA_ORG = re.compile(r"(?:https?://(?:www\.)?schema\.org/|schema:)", re.IGNORECASE)

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")


def read_available(value: object) -> bool | None:
    """Whether an item can be had; None for a spelling that is not in the table.

    >>> read_available("https://schema.org/OutOfStock"), read_available("In_Stock"), read_available(1)
    (False, True, True)
    >>> read_available("maybe"), read_available(12)
    (None, None)
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    if not isinstance(value, str) or len(value) > 80:
        return None
    words = _SCHEMA_ORG.sub("", value.strip(), count=1).casefold()
    return _BY_LETTERS.get(_BETWEEN_WORDS.sub("", words))


def read_price_text(text: str) -> float | None:
    """The number in the text of a price; None unless it can mean one number only.

    Digits with at most one point. ``1.299`` may be 1299 in a country that groups digits by points: it is no price.

    >>> read_price_text("19.95"), read_price_text("0.125")
    (19.95, 0.125)
    >>> [read_price_text(text) for text in ("1.299", "1,299.00", "1.299,00 €", "$99.00", "1e3", "—", "")]
    [None, None, None, None, None, None, None]
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text) or _THOUSANDS.fullmatch(text):
        return None
    return float(text)
