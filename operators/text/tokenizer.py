"""Words of titles, categories and queries: English stems, Chinese character pairs, no dictionary."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

MAX_TEXT = 2_000
"""Characters of a text that are looked at; the rest cannot add much and could cost a lot."""

# fmt: off
_STOP_WORDS = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "into", "is", "it", "its",
    "of", "on", "or", "that", "the", "their", "this", "to", "was", "with",
))
# fmt: on
# CJK ideographs (with extension A and compatibility forms), kana and hangul: written without spaces.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0002fa1f"
_RUN = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|(?P<word>[^\W_{_UNSPACED}]+)")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")


def tokens_of_text(text: str) -> list[str]:
    """Tokens under which a text is indexed, in reading order, with repetitions.

    Words are NFKC-normalised, case-folded, freed of light stop words and of the plural s; runs of Chinese,
    Japanese or Korean give every character and every pair of neighbours. Emoji and punctuation give nothing.

    >>> tokens_of_text("The Lord of the Rings: films")
    ['lord', 'ring', 'film']
    >>> tokens_of_text("科幻片 2049")
    ['科', '幻', '片', '科幻', '幻片', '2049']
    """
    return list(_tokens(text, single_characters=True))


def tokens_of_query(text: str) -> list[str]:
    """Tokens that a query is looked up by: single characters only where there is no pair.

    >>> tokens_of_query("科幻片 茶")
    ['科幻', '幻片', '茶']
    """
    return list(_tokens(text, single_characters=False))


def stem(word: str) -> str:
    """The S-stemmer (Harman 1991, "How effective is suffixing?"): plural endings only.

    >>> [stem(word) for word in ("comedies", "horses", "glass", "bus")]
    ['comedy', 'horse', 'glass', 'bus']
    """
    if len(word) <= 3 or not word.endswith("s") or not word.isascii():
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]


def _tokens(text: str, *, single_characters: bool) -> Iterator[str]:
    folded = unicodedata.normalize("NFKC", text[:MAX_TEXT]).casefold()
    for run in _RUN.finditer(_APOSTROPHE.sub("", folded)):
        if run.lastgroup == "word":
            word = run.group()
            if word not in _STOP_WORDS:
                yield stem(word)
            continue
        characters = run.group()
        if single_characters or len(characters) == 1:
            yield from characters
        for left, right in pairwise(characters):
            yield left + right
