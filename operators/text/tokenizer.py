"""Words of titles and categories, by which items are alike: English stems, pairs of characters, no dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from operators.text.folding import MARKS, WITHOUT_SPACES, fold, without_apostrophes
from operators.text.stop_words import ENGLISH

MAX_TEXT = 2_000
"""Characters of a text that are looked at; the rest cannot add much and could cost a lot."""

_RUN = re.compile(rf"(?P<unspaced>(?:[{WITHOUT_SPACES}][{MARKS}]*)+)|(?P<word>(?:[^\W_{WITHOUT_SPACES}][{MARKS}]*)+)")
_ASCII_RUN = re.compile(r"(?P<word>[a-z0-9]+)")  # for most texts, in a third of the time
_CHARACTER = re.compile(rf".[{MARKS}]*")


def tokens_of_text(text: str) -> list[str]:
    """Tokens under which a text is indexed, in reading order, with repetitions.

    Words are folded (`folding.fold`), freed of light stop words and of the plural s; runs of a script without spaces
    give every character, with its vowel signs, and every pair of neighbours. Emoji and punctuation give nothing.

    >>> tokens_of_text("The Lord of the Rings: films")
    ['lord', 'ring', 'film']
    >>> tokens_of_text("科幻片 2049")
    ['科', '幻', '片', '科幻', '幻片', '2049']
    """
    return list(_tokens(text))


def characters(run: str) -> list[str]:
    """What a reader takes for the characters of a run of a script without spaces: letters with their marks.

    >>> characters("ที่นอน")
    ['ที่', 'น', 'อ', 'น']
    """
    return _CHARACTER.findall(run)


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


def _tokens(text: str) -> Iterator[str]:
    folded = without_apostrophes(fold(text[:MAX_TEXT]))
    for run in (_ASCII_RUN if folded.isascii() else _RUN).finditer(folded):
        if run.lastgroup == "word":
            word = run.group()
            if word not in ENGLISH:
                yield stem(word)
            continue
        letters = characters(run.group())
        yield from letters
        for left, right in pairwise(letters):
            yield left + right
