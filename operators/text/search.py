"""Which items answer a search, and in which order.

What decides, the first that differs: every word is there; or at least the thing that is wanted; the share of what was
typed that is there, and in the title; the title is just this; the words stand side by side as they were typed; the
thing that the title names (its head) is what is wanted; how literal the words are; a category is what is wanted; and
the share of the title.

An item answers where it has every word, or most of what was typed, or is a thing of the wanted kind: an electric kettle
answers "red kettle" where nothing is known of red ones, and does not answer "electric guitar". Where only stop words
were typed, it answers that has them as its title.

Reference for criteria one after the other, in place of a sum of weights: Algolia's documentation, "Ranking criteria".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.kernels.array_types import FloatArray, IntArray
from operators.text.query import ATOM, LITERAL, NEXT, STEP, TERM, TERMS, WORD

END, PART, FIELD = -1, -2, -3
"""Marks in a row of atoms: behind the last one, between parts of a title, before each category."""

MOST = 0.6
"""Share of what was typed that is enough; more than one of two words that are equally rare."""

_THINGS = 2_000
"""Items looked at that may have no more of what was typed than the thing that is wanted."""

_SHARES, _TITLE_SHARES, _LITERALS, _COVERAGES = 63, 7, 7, 15
_BEST = float(2 * 2 * (_SHARES + 1) * (_TITLE_SHARES + 1) * 2 * 2 * (_LITERALS + 1) * 2 * 2 * (_COVERAGES + 1))
"""Different scores; as few as single precision tells apart."""


class Shape(NamedTuple):
    """What is where in a row.

    - `title`: where the title ends; `part`: where its first part ends
    - `first`: its first atom that is no stop word; `head`: its head (`atoms.head_of`)
    - `atoms`: how many the title has
    """

    title: int = 0
    part: int = 0
    first: int = 0
    head: int = 0
    atoms: int = 0


TITLE, FIRST_PART, FIRST, HEAD, ATOMS = range(len(Shape._fields))


class SearchArrays(NamedTuple):
    """The index as one argument of kernels, by item number or by atom number.

    - `rows` i32[items, width], `shapes` i16[items, fields of `Shape`]
    - `start`, `length`, `pool`: who has which atom (`Postings`)
    - `marks` (all false between uses), `touched`, `scores`: [items], working memory
    - `budget`: items looked at for a query at most, those of the rarest words
    """

    rows: IntArray
    shapes: NDArray[np.int16]
    start: NDArray[np.int64]
    length: IntArray
    pool: IntArray
    marks: NDArray[np.bool_]
    touched: IntArray
    scores: FloatArray
    budget: int


@njit(cache=True, nogil=True)
def answering(query, search):  # type: ignore[no-untyped-def]
    """Items that answer the query into `search.touched`, unsorted, their scores in (0, 1] into `search.scores`.

    Returns how many they are.
    """
    looked_at = _candidates(query, search)
    in_title = np.zeros(len(query.weights), np.int32)
    elsewhere = np.zeros(len(query.weights), np.int32)
    told = np.flatnonzero(query.weights)
    count = 0
    for place in range(looked_at):
        item = search.touched[place]
        search.marks[item] = False
        score = _score(search.rows[item], search.shapes[item], query, told[0], told[-1], in_title, elsewhere)
        if score > 0.0:
            search.touched[count] = item
            search.scores[count] = score
            count += 1
    return count


@njit(cache=True, nogil=True)
def _candidates(query, search):  # type: ignore[no-untyped-def]
    """Items with the rarest terms, marked, into `search.touched`; returns how many.

    As many terms that no item can answer without all of them, and the one that says what is wanted.
    """
    readings, weights = query.readings, query.weights
    spread = np.zeros(len(weights), np.int64)
    for number in range(len(readings)):
        atom = _rarer(readings, number, search.length)
        for term in range(readings[number, TERM], readings[number, TERM] + readings[number, TERMS]):
            spread[term] += search.length[atom]
    count, scanned, budget = 0, 0.0, search.budget
    for term in np.argsort(spread, kind="mergesort"):
        enough = scanned > 1.0 - MOST
        if weights[term] == 0.0 or (enough and term != query.thing):
            continue
        if enough:
            budget = min(budget, _THINGS)
        scanned += weights[term]
        for number in range(len(readings)):
            first = readings[number, TERM]
            if not first <= term < first + readings[number, TERMS]:
                continue
            atom = _rarer(readings, number, search.length)
            size = min(search.length[atom], budget)
            budget -= size
            end = search.start[atom] + search.length[atom]
            for at in range(end - size, end):
                item = search.pool[at]
                if not search.marks[item]:
                    search.marks[item] = True
                    search.touched[count] = item
                    count += 1
    return count


@njit(cache=True, nogil=True)
def _rarer(readings, number, length):  # type: ignore[no-untyped-def]
    atom, after = readings[number, ATOM], readings[number, NEXT]
    return after if after >= 0 and length[after] < length[atom] else atom


@njit(cache=True, nogil=True)
def _score(row, shape, query, first, last, in_title, elsewhere):  # type: ignore[no-untyped-def]
    """Score of one item in (0, 1], 0 where it does not answer.

    `first`, `last`: terms between which a title has to have all side by side, stop words too, to have what was typed in
    one piece; those around do not matter. `in_title`, `elsewhere`: room by term.
    """
    readings, weights, thing = query.readings, query.weights, query.thing
    in_title[:] = 0
    elsewhere[:] = 0
    matched = np.uint64(0)
    named = in_category = exact = phrase = False
    for place in range(len(row)):
        if row[place] == END:
            break
        for number in range(len(readings)):
            size = _stands(readings, number, row, place)
            if size == 0:
                continue
            reading = readings[number]
            wanted = reading[WORD] > 0 and reading[TERM] <= thing < reading[TERM] + reading[TERMS]
            found = in_title if place < shape[TITLE] else elsewhere
            for term in range(reading[TERM], reading[TERM] + reading[TERMS]):
                found[term] = max(found[term], reading[LITERAL])
            if place < shape[TITLE]:
                for at in range(place, place + size):
                    matched |= np.uint64(1) << np.uint64(at)
                named |= wanted and place <= shape[HEAD] < place + size
                if reading[TERM] == first:
                    end = _end_of(row, place, readings, first, last)
                    phrase |= end > 0
                    named |= place <= shape[HEAD] < end
                    exact |= place <= (0 if query.whole else shape[FIRST]) and end == shape[FIRST_PART]
            else:
                in_category |= wanted and (place + size == len(row) or row[place + size] < 0)

    share = title_share = 0.0
    literal = _LITERALS
    full = whole_title = True
    for term in range(len(weights)):
        if weights[term] == 0.0:
            continue
        best = max(in_title[term], elsewhere[term])
        if best > 0:
            share += weights[term]
            literal = min(literal, best)
        else:
            full = False
        if in_title[term] > 0:
            title_share += weights[term]
        else:
            whole_title = False
    if query.whole:
        if not exact:
            return 0.0
    elif not (full or share >= MOST or named or in_category):
        return 0.0

    covered = 0
    while matched:
        matched &= matched - np.uint64(1)
        covered += 1
    title_shares = _TITLE_SHARES if whole_title else min(_TITLE_SHARES - 1, int(title_share * _TITLE_SHARES))
    score = int(full) * 2 + int(full or named or in_category)
    score = score * (_SHARES + 1) + min(_SHARES, int(share * _SHARES + 0.5))
    score = score * (_TITLE_SHARES + 1) + title_shares
    score = (score * 2 + int(exact)) * 2 + int(phrase)
    score = (score * 2 + int(named)) * (_LITERALS + 1) + literal
    score = score * 2 + int(in_category)
    score = score * (_COVERAGES + 1) + _COVERAGES * covered // max(1, shape[ATOMS])
    return (score + 1) / _BEST


@njit(cache=True, nogil=True, inline="always")
def _stands(readings, number, row, place):  # type: ignore[no-untyped-def]
    """How many atoms of the row, from `place` on, are the reading's; 0 where they are others."""
    if row[place] != readings[number, ATOM]:
        return 0
    after = readings[number, NEXT]
    if after < 0:
        return 1
    return 2 if place + 1 < len(row) and row[place + 1] == after else 0


@njit(cache=True, nogil=True)
def _end_of(row, place, readings, term, last):  # type: ignore[no-untyped-def]
    """Where the terms from `term` to `last` end that stand side by side from `place` on, -1 where they do not."""
    while term <= last:
        step = 0
        for number in range(len(readings) if place < len(row) else 0):
            if readings[number, TERM] == term and _stands(readings, number, row, place) > 0:
                step = readings[number, STEP]
                term += readings[number, TERMS]
                break
        if step == 0:
            return -1
        place += step
    return place
