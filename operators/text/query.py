"""What was typed, read with the words that the catalogue has: terms, and all that may stand for each of them.

Terms weigh by how rare they are (inverse document frequency).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from operators.kernels.array_types import FloatArray, IntArray
from operators.text.atoms import Atom, parts_of, puts_head_first
from operators.text.postings import Postings
from operators.text.spelling import SHORT, halves, other_numbers, slips
from operators.text.stop_words import STOP_WORDS

MAX_TERMS = 24
MAX_READINGS = 96
"""Readings of a query at most, the most literal ones."""

MOST_UNKNOWN = 4
"""With more unknown words it is a pasted text, in which no slips are looked for (0.1 to 1 ms a word)."""

AS_TYPED, OTHER_NUMBER, OTHER_SPACES, SLIP, SLIP_AND_NUMBER = 7, 6, 5, 3, 2
"""How literal a reading is, in three bits."""


class Reading(NamedTuple):
    """Atoms that stand for one or more terms.

    - `term`, `terms`: the first of them, and how many
    - `atom`, `next`: numbers of what has to stand in the row: one atom, or two side by side (-1: one)
    - `step`: how far behind the next term begins, 1 where two characters of a run overlap with the next two
    - `literal`: how literal it is
    - `word`: 1 where it is as much as a word, so that it can say what a thing is
    """

    term: int
    terms: int
    atom: int
    next: int
    step: int
    literal: int
    word: int


TERM, TERMS, ATOM, NEXT, STEP, LITERAL, WORD = range(len(Reading._fields))


class Query(NamedTuple):
    """A query as kernels read it.

    - `readings` i32[readings, fields of `Reading`], the most literal first
    - `weights` f32[terms]: shares of what the terms say, with a sum of 1; stop words have 0
    - `thing`: the term that says what is wanted, as the last word of "red kettle"
    - `whole`: whether only a title answers it that is just this, as it is all stop words; its weights are all equal
    """

    readings: IntArray
    weights: FloatArray
    thing: int
    whole: bool


NO_QUERY = Query(np.empty((0, len(Reading._fields)), np.int32), np.empty(0, np.float32), 0, False)


class _Term(NamedTuple):
    atoms: tuple[Atom, ...]
    step: int

    @property
    def word(self) -> str | None:
        """The word, of which there may be other spellings; None for numbers and characters of a run."""
        atom = self.atoms[0]
        return None if atom.number or atom.run else atom.text

    @property
    def telling(self) -> bool:
        return len(self.atoms) > 1 or self.atoms[0].text not in STOP_WORDS


class _Words(NamedTuple):
    """Words of the catalogue and their letters; `mended`: whether slips are looked for."""

    known: Mapping[str, int]
    letters: Mapping[int, set[str]]
    mended: bool

    def of(self, words: Iterable[str]) -> list[str]:
        """Those that the catalogue has, each once."""
        return [word for word in dict.fromkeys(words) if word in self.known]

    def slips_of(self, *words: str) -> Iterator[str]:
        """Known words that are one slip away from any of these."""
        for word in words:
            blocks = {block(letter) for letter in word}
            letters = sorted(letter for number in blocks for letter in self.letters.get(number, ()))
            yield from self.of(slips(word, letters))


def read_query(text: str, postings: Postings, documents: int, letters: Mapping[int, set[str]]) -> Query:
    """Read a query by the words of the catalogue.

    `documents`: items that have a text; `letters`: letters of the catalogue's words by `block`.
    """
    terms = _terms(text)[:MAX_TERMS]
    telling = [term.telling for term in terms]
    whole = not any(telling)
    typed = {term.word for term in terms if term.word is not None}
    unknown = [word for word in typed if word not in postings.vocabulary]
    words = _Words(postings.vocabulary, letters, len(unknown) <= MOST_UNKNOWN)
    meant = {word: _meant(word, words) for word in typed}
    readings = [reading for number in range(len(terms)) for reading in _readings(number, terms, words, meant)]
    readings = sorted(readings, key=lambda reading: -reading.literal)[:MAX_READINGS]
    if not readings:
        return NO_QUERY
    spread = [0] * len(terms)
    for reading in readings:
        having = min(int(postings.length[atom]) for atom in (reading.atom, reading.next) if atom >= 0)
        for number in range(reading.term, reading.term + reading.terms):
            spread[number] += having
    weights = np.array(
        [math.log1p(documents / max(1, spread[number])) * (whole or telling[number]) for number in range(len(terms))],
        np.float32,
    )
    return Query(np.array(readings, np.int32), weights / weights.sum(), _thing(terms), whole)


def block(letter: str) -> int:
    """Letters of one script, roughly: those that stand close together in Unicode."""
    return ord(letter) >> 7


def _terms(text: str) -> list[_Term]:
    """Words and numbers; of a run of characters each two neighbours, or the one that it has."""
    terms: list[_Term] = []
    for part in parts_of(text):
        for place, atom in enumerate(part):
            after = part[place + 1] if place + 1 < len(part) else None
            in_run = after is not None and after.run == atom.run != 0
            if in_run and after is not None:
                ends = place + 2 == len(part) or part[place + 2].run != atom.run
                terms.append(_Term((atom, after), 2 if ends else 1))
            elif not atom.run or place == 0 or part[place - 1].run != atom.run:
                terms.append(_Term((atom,), 1))
    return terms


def _thing(terms: list[_Term]) -> int:
    """The term that says what is wanted: the last one, without numbers and their units."""
    counts = [term.atoms[0].number for term in terms]
    told = [number for number, term in enumerate(terms) if term.telling] or [*range(len(terms))]
    nouns = [number for number in told if not (counts[number] or (number > 0 and counts[number - 1]))] or told
    return nouns[0] if puts_head_first(terms[nouns[0]].atoms[0], None) else nouns[-1]


def _readings(number: int, terms: list[_Term], words: _Words, meant: Mapping[str, _Meant]) -> Iterator[Reading]:
    term, known = terms[number], words.known
    word = term.word
    if word is None:
        atoms = [known.get(atom.text, -1) for atom in term.atoms]
        if min(atoms) >= 0:
            is_word = not puts_head_first(term.atoms[0], None)  # two characters of Thai are less than a word
            yield Reading(number, 1, atoms[0], (*atoms, -1)[1], term.step, AS_TYPED, int(is_word))
        return
    for other, literal in meant[word].single:
        yield Reading(number, 1, known[other], -1, 1, literal, 1)
    for (first, second), literal in meant[word].double:
        yield Reading(number, 1, known[first], known[second], 2, literal, 1)
    after = terms[number + 1].word if number + 1 < len(terms) else None
    if after is not None and term.telling:
        joined = word + after
        for other in words.of((joined, *other_numbers(joined))):
            yield Reading(number, 2, known[other], -1, 1, OTHER_SPACES, 1)


class _Meant(NamedTuple):
    """Known words that may be meant by a typed one, and pairs of them, with how literal each is."""

    single: list[tuple[str, int]]
    double: list[tuple[tuple[str, str], int]]


def _meant(word: str, words: _Words) -> _Meant:
    single = [(word, AS_TYPED)] if word in words.known else []
    if word in STOP_WORDS:
        return _Meant(single, [])
    single += [(other, OTHER_NUMBER) for other in words.of(other_numbers(word))]
    forms = dict.fromkeys((word, word.removesuffix("s")))
    double = [(pair, OTHER_SPACES) for form in forms for pair in halves(form, words.known)]
    if not single and words.mended:
        single = _mended(word, words)
        if not single and not double:
            double = [(pair, SLIP) for pair in _mended_halves(word, words)]
    return _Meant(single, double)


def _mended(word: str, words: _Words) -> list[tuple[str, int]]:
    """Known words of which an unknown one is a slip, or its singular or plural, in both numbers."""
    meant = [*words.slips_of(word)]
    if not meant and len(word) > SHORT:
        meant = [*words.slips_of(word[:-1] if word.endswith("s") else f"{word}s")]
    others = words.of(other for one in meant for other in other_numbers(one))
    return [(one, SLIP) for one in meant] + [(one, SLIP_AND_NUMBER) for one in others if one not in meant]


def _mended_halves(word: str, words: _Words) -> Iterator[tuple[str, str]]:
    """Two known words that were typed as one, with a slip in one of them."""
    for place in range(1, len(word)):
        first, second = word[:place], word[place:]
        if first in words.known:
            yield from ((first, meant) for meant in words.slips_of(second))
        if second in words.known:
            yield from ((meant, second) for meant in words.slips_of(first))
