"""Titles in the form that prose wants: ``Godfather, The (1972)`` is *The Godfather* in a sentence."""

from __future__ import annotations

import re
from functools import lru_cache

from operators.narration.addresses import without_addresses
from operators.narration.graphemes import cut
from operators.narration.plain_text import plain_text
from schemas.placeholders import usable_title

MAX_CHARACTERS = 80
MAX_UNITS = 12
"""Words a title may have in a sentence of at most 30 (half as much for each Chinese character)."""

_YEAR = re.compile(r"\s*\((?:1[89]|20)\d\d(?:\s?[-\u2013/]\s?(?:(?:1[89]|20)?\d\d)?)?\)$")
_VOLUME_MARK = re.compile(r"\s*\((?:V|TV|VG|I{1,3}|IV)\)$")
_ALIAS = re.compile(
    r"\s*\((?:a\.?k\.?a\.?\s[^()]*|[^()]*,\s(?:The|An?|L[aeo]s?|L'|Il|El|Das|Der|Die|Un[ae]?|Den|Det))\)$"
)
_ARTICLE = re.compile(
    r"^(?P<rest>.+),\s(?P<article>The|An?|L[aeo]s?|L'|L\u2019|Il|Gli|El|Das|Der|Die|Ein|Eine|Un|Une|Una|"
    r"Den|Det|De|Het|O|Os|As)(?P<tail>\s*[:(].*)?$"
)
_WRAPPED = re.compile(
    r"^(?:[《「『]([^《》「」『』]+)[》」』]|[\"\u201c\u201e]([^\"\u201c\u201d\u201e]+)[\"\u201c\u201d])$"
)
_GAP = re.compile(r"\s*\(\s*\)|\s{2,}")
_CJK = re.compile(r"[\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")


@lru_cache(maxsize=65_536)
def prose_title(title: str, *, keep_year: bool = False) -> str:
    """The title as it stands in a sentence, at most 80 characters and 12 words; empty where it names nothing.

    Addresses, the year, aliases in brackets and marks around all of it are dropped, a trailing article comes to the
    front; a placeholder (``(not set)``) is no title. With
    ``keep_year`` the year stays, to tell two films of the same name apart.

    >>> prose_title("Godfather, The (1972)"), prose_title("Godfather, The (1972)", keep_year=True)
    ('The Godfather', 'The Godfather (1972)')
    """
    text = _named(title)
    year = ""
    if text.endswith(")"):
        bare, year = _without_year(_VOLUME_MARK.sub("", text) or text)
        text = _ALIAS.sub("", bare) or bare
    if "," in text and (moved := _ARTICLE.match(text)):
        article = moved["article"]
        text = f"{article}{'' if article[-1] in chr(39) + chr(0x2019) else ' '}{moved['rest']}{moved['tail'] or ''}"
    if wrapped := _WRAPPED.match(text):
        text = (wrapped[1] or wrapped[2]).strip() or text
    return shortened(text + year if keep_year else text)


@lru_cache(maxsize=65_536)
def prose_query(query: str) -> str:
    """A search query as it stands in a sentence, between quotation marks; empty where it names nothing."""
    return shortened(_named(query))


def _named(text: str) -> str:
    """Plain text without addresses; empty where a placeholder, or nothing to read, is left."""
    plain = plain_text(text)
    bare = without_addresses(plain)
    if bare != plain:
        bare = _GAP.sub(" ", bare).strip(" ,;:-\u2013\u2014/|")
    return usable_title(bare) or ""


def shortened(text: str) -> str:
    """The text cut to 80 characters and 12 words, between words where possible, with an ellipsis where cut."""
    fitting = text if len(text) <= MAX_CHARACTERS else cut(text, MAX_CHARACTERS - 1)
    fitting = _within_units(fitting)
    if len(fitting) == len(text):
        return text
    last_space = fitting.rfind(" ")
    if last_space >= len(fitting) * 2 // 3 and not text[len(fitting)].isspace():
        fitting = fitting[:last_space]
    return fitting.rstrip(" ,;:.\u00b7-\u2013\u2014(/&") + "\u2026"


def _without_year(text: str) -> tuple[str, str]:
    found = _YEAR.search(text)
    if found is None or found.start() == 0:
        return text, ""
    return text[: found.start()], text[found.start() :]


def _within_units(text: str) -> str:
    if len(text) <= MAX_UNITS * 2:
        return text
    units, in_word = 0.0, False
    for position, character in enumerate(text):
        if _CJK.match(character):
            units, in_word = units + 0.5, False
        elif character.isspace():
            in_word = False
        elif not in_word:
            units, in_word = units + 1, True
        if units > MAX_UNITS:
            return cut(text, position)
    return text
