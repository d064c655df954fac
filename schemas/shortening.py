"""Cuts a text between two characters as a reader sees them."""

from __future__ import annotations

import unicodedata

JOINER = "\u200d"
"""Zero width joiner: what stands on both of its sides is one picture."""
SKIN_TONES = range(0x1F3FB, 0x1F400)
MOST_BACK = 64
"""Characters that are given up at most to end before a whole one: piled up accents have no end."""


def shortened(text: str, most: int) -> str:
    """The first ``most`` characters of ``text``, or a few less: no accent and no part of an emoji is cut off.

    >>> shortened("green tea", 5), shortened("cafe\u0301", 4), shortened("x\U0001f44d\U0001f3fd", 2)
    ('green', 'caf', 'x')
    """
    if len(text) <= most:
        return text
    end = most
    while end > max(0, most - MOST_BACK) and _belongs(text[end - 1], text[end]):
        end -= 1
    return text[:end] if end > max(0, most - MOST_BACK) else text[:most]


def _belongs(before: str, char: str) -> bool:
    """Whether ``char`` is shown as a part of what stands before it."""
    return before == JOINER or char == JOINER or ord(char) in SKIN_TONES or unicodedata.category(char).startswith("M")
