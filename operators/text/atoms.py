"""What a search compares: the words of a title in their order, characters where words are written without spaces.

Without a dictionary a run of Chinese, Japanese, Korean or Thai is a sequence of characters, and something typed is in
it where its characters stand there side by side.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from operators.text.folding import MARKS, WITHOUT_SPACES, fold
from operators.text.stop_words import STOP_WORDS
from operators.text.tokenizer import MAX_TEXT, characters

_UNIT = re.compile(
    rf"(?P<run>(?:[{WITHOUT_SPACES}][{MARKS}]*)+)|(?P<number>\d+(?:[.,]\d+)*)"
    rf"|(?P<word>(?:[^\W\d_{WITHOUT_SPACES}][{MARKS}]*)+)"
)
_ASCII_UNIT = re.compile(r"(?P<number>\d+(?:[.,]\d+)*)|(?P<word>[a-z]+)")  # for most texts, in a third of the time
_BREAK = re.compile(
    '[,;:()\\[\\]{}<>|/!?"\u2012-\u2015\u2022\u00b7\u00ab\u00bb\u201c-\u201f\u3001-\u301f]|\\s-+\\s|\\.\\s'
)
_AFTER_ONE_LETTER = re.compile(r"\b(\w)['\u2019\u02bc](?=\w{2})")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2018\u2019\u02bc](?=\w)")
_CONTAINERS = frozenset(("set", "sets", "pair", "pairs", "pack", "packs"))
_HEAD_FIRST_LETTERS = re.compile("[\u0590-\u06ff\u0e00-\u0eff\u1780-\u17ff]")
_HEAD_FIRST_LANGUAGES = frozenset(
    ("ar", "ca", "cy", "es", "fa", "fr", "ga", "gl", "he", "id", "it", "km", "lo", "ms", "pt", "ro", "sw", "th", "vi")
)


class Atom(NamedTuple):
    """A word, a number, or a character; `run`: which run of a script without spaces it stands in, 0 for none."""

    text: str
    number: bool = False
    run: int = 0

    @property
    def telling(self) -> bool:
        """Whether it says something, or is part of what does."""
        return self.run > 0 or self.text not in STOP_WORDS


def parts_of(text: str) -> list[list[Atom]]:
    """The parts of a text between punctuation, none empty. Letters and digits are told apart, so "7l" is as "7 l".

    >>> [[atom.text for atom in part] for part in parts_of("Children's Kettle 1.7L (steel) - 记忆棉 2-in-1")]
    [['childrens', 'kettle', '1.7', 'l'], ['steel'], ['记', '忆', '棉', '2', 'in', '1']]
    """
    folded = fold(text[:MAX_TEXT])
    if _APOSTROPHE.search(folded):
        folded = _APOSTROPHE.sub("", _AFTER_ONE_LETTER.sub(r"\1 ", folded))
    parts: list[list[Atom]] = [[]]
    end = runs = 0
    for unit in (_ASCII_UNIT if folded.isascii() else _UNIT).finditer(folded):
        between = folded[end : unit.start()]
        if parts[-1] and between not in (" ", "") and _BREAK.search(between):
            parts.append([])
        end, found = unit.end(), unit.group()
        if unit.lastgroup == "run":
            runs += 1
            parts[-1].extend(Atom(character, run=runs) for character in characters(found))
        elif unit.lastgroup == "number":
            parts[-1].append(Atom(found.replace(",", "."), number=True))
        else:
            parts[-1].append(Atom(found))
    return [part for part in parts if part]


def puts_head_first(atom: Atom, locale: str | None) -> bool:
    """Whether the language, by its tag (BCP 47) or its letters, says what a thing is before it says of what kind."""
    language = (locale or "").partition("-")[0].lower()
    return language in _HEAD_FIRST_LANGUAGES or _HEAD_FIRST_LETTERS.match(atom.text) is not None


def head_of(part: list[Atom], locale: str | None) -> int:
    """Where in a title's first part the word stands that says what the thing is: a tea set is a set.

    The last word before a number or a word like "for", as bags for a vacuum cleaner are bags, or the first one where
    the language wants that.

    >>> titles = "Electric Kettle 1.7 L", "Set of 6 Wine Glasses", "2-in-1 Bag for It", "It"
    >>> [part[head_of(part, None)].text for title in titles for part in parts_of(title)]
    ['kettle', 'glasses', 'bag', 'it']
    """
    head = -1
    for place, atom in enumerate(part):
        if atom.telling and not atom.number:
            if head < 0 and puts_head_first(atom, locale):
                return place
            head = place
        elif head >= 0 and not _is_of_a_set(part, place, part[head]):
            break
    return max(head, 0)


def _is_of_a_set(part: list[Atom], place: int, head: Atom) -> bool:
    """Whether it is the "of", or the number behind it, of a set of something."""
    of = place - part[place].number
    return head.text in _CONTAINERS and part[of].text == "of"
