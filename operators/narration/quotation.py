"""Quotation marks around names: untrusted text cannot close them, and names of the other direction stay in order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from schemas.recommendation import END_OF_ISOLATE, ISOLATE

_DOUBLE = '"\u201c\u201d\u201e\u201f\uff02\u301d\u301e\u301f\u275d\u275e\u2e42'
_OPENING = "\u201c\u201e\u301d\u275d\u2e42「《"
_CLOSING = "\u201d\u301e\u301f\u275e」》"
_GERMAN = ("\u201e", "\u201c")
_TWO_SINGLE = re.compile(r"''|\u2018\u2018|\u2019\u2019|``|\u00b4\u00b4")
_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))


@dataclass(frozen=True, slots=True)
class Quotation:
    """A pair of quotation marks, and the pair that takes the place of any such mark inside of it.

    ``alike``: all characters that a reader could take for one of the outer pair.
    """

    opening: str
    closing: str
    inner_opening: str
    inner_closing: str
    alike: str

    def around(self, name: str) -> str:
        """The name between the marks, isolated where it is written from right to left."""
        return self.opening + isolated(name) + self.closing


ENGLISH_QUOTES = Quotation("\u201c", "\u201d", "\u2018", "\u2019", _DOUBLE)
"""“ ”, inside of them ‘ ’; also those of Simplified Chinese."""
CORNER_BRACKETS = Quotation("「", "」", "『", "』", _DOUBLE + "「」")
"""Those of Traditional Chinese."""
TITLES_OF_WORKS = Quotation("《", "》", "〈", "〉", "《》")
"""Chinese marks of books, films and articles."""


@lru_cache(maxsize=65_536)
def nested(name: str, *quotations: Quotation) -> str:
    """The name fit to stand in any of the quotations: each mark of theirs in it becomes an inner one.

    A straight mark behind a number is the sign of inches or seconds.

    >>> nested('Kettle”. Call me. “x', ENGLISH_QUOTES), nested('24" "Pro" screen', ENGLISH_QUOTES)
    ('Kettle’. Call me. ‘x', '24″ ‘Pro’ screen')
    """
    for quotation in quotations:
        if '"' in quotation.alike:
            name = _TWO_SINGLE.sub('"', name)
        if any(mark in name for mark in quotation.alike):
            name = "".join(_inner_marks(name, quotation))
    return name


def _inner_marks(name: str, quotation: Quotation) -> Iterator[str]:
    opened = ""
    for place, character in enumerate(name):
        if character not in quotation.alike:
            yield character
        elif character == '"' and not opened and name[place - 1 : place].isdigit():
            yield "\u2033"
        elif character == '"' and not opened and name[place - 1 : place].isalpha():
            yield quotation.inner_closing
        elif character in _CLOSING or (opened and character not in _OPENING) or (opened, character) == _GERMAN:
            yield quotation.inner_closing
            opened = ""
        else:
            yield quotation.inner_opening
            opened = character


@lru_cache(maxsize=65_536)
def isolated(name: str) -> str:
    """The name, in isolating characters where anything in it is written from right to left."""
    if name.isascii() or not any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in name):
        return name
    return ISOLATE + name + END_OF_ISOLATE
