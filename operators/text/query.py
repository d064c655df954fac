"""What was typed, read with the words that the catalogue has: terms, and all that may stand for each of them.

Reference for the order of the rules (slips, words, order, field): the ranking criteria of Algolia and Elasticsearch's
documentation; the weights of words are inverse document frequencies.
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

AS_TYPED, OTHER_NUMBER, OTHER_SPACES, SLIP = 7, 6, 5, 3
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


def read_query(text: str, postings: Postings, documents: int, letters: Mapping[int, set[str]]) -> Query:
    """Read a query by the words of the catalogue.

    `documents`: items that have a text; `letters`: letters of the catalogue's words by `block`.
    """
    terms = _terms(text)[:MAX_TERMS]
    telling = [term.telling for term in terms]
    whole = not any(telling)
    readings = [
        reading for number, term in enumerate(terms) for reading in _readings(number, term, terms, postings, letters)
    ]
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


def _readings(
    number: int, term: _Term, terms: list[_Term], postings: Postings, letters: Mapping[int, set[str]]
) -> Iterator[Reading]:
    known = postings.vocabulary
    word = term.word
    if word is None:
        atoms = [known.get(atom.text, -1) for atom in term.atoms]
        if min(atoms) >= 0:
            yield Reading(number, 1, *_pair(atoms), term.step, AS_TYPED, int(not puts_head_first(term.atoms[0], None)))
        return
    found = [(word, AS_TYPED)] if word in known else []
    if not term.telling:
        yield from _of_words(found, number, 1, known)
        return
    found += [(other, OTHER_NUMBER) for other in _known(other_numbers(word), known)]
    split = [(pair, OTHER_SPACES) for form in (word, word.removesuffix("s")) for pair in halves(form, known)]
    if not found:
        found, more = _meant(word, _letters_of(word, letters), known)
        split = split or more
    yield from _of_words(found, number, 1, known)
    for (first, second), literal in split:
        yield Reading(number, 1, known[first], known[second], 2, literal, 1)
    after = terms[number + 1].word if number + 1 < len(terms) else None
    if after is not None:
        joined = word + after
        both = [(other, OTHER_SPACES) for other in _known((joined, *other_numbers(joined)), known)]
        yield from _of_words(both, number, 2, known)


def _meant(
    word: str, letters: list[str], known: Mapping[str, int]
) -> tuple[list[tuple[str, int]], list[tuple[tuple[str, str], int]]]:
    """What may have been meant by an unknown word with one slip in it: single words, else two words in one."""
    meant = _known(slips(word, letters), known)
    if not meant and len(word) > SHORT:
        meant = _known(slips(word[:-1] if word.endswith("s") else f"{word}s", letters), known)
    if meant:
        forms = dict.fromkeys([*meant, *(other for one in meant for other in _known(other_numbers(one), known))])
        return [(form, SLIP) for form in forms], []
    pairs = [(word[:place], word[place:]) for place in range(1, len(word))]
    first_known = [(first, other) for first, rest in pairs if first in known for other in slips(rest, letters)]
    second_known = [(other, second) for rest, second in pairs if second in known for other in slips(rest, letters)]
    both = [pair for pair in (*first_known, *second_known) if pair[0] in known and pair[1] in known]
    return [], [(pair, SLIP) for pair in dict.fromkeys(both)]


def _of_words(found: list[tuple[str, int]], number: int, terms: int, known: Mapping[str, int]) -> Iterator[Reading]:
    return (Reading(number, terms, known[word], -1, 1, literal, 1) for word, literal in found)


def _known(words: Iterable[str], known: Mapping[str, int]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word in known]


def _letters_of(word: str, letters: Mapping[int, set[str]]) -> list[str]:
    return sorted(letter for number in {block(letter) for letter in word} for letter in letters.get(number, ()))


def _pair(atoms: list[int]) -> tuple[int, int]:
    return atoms[0], atoms[1] if len(atoms) > 1 else -1
