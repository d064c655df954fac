"""What may follow in a clause of the live model: a 5-gram grammar over reviewed sentences and the domain's data.

A small model left to itself writes nonsense ("a heart and life with love"); so does one that may only use permitted
words ("keeps you on your end"). Held to runs of five words that a person has read, it still chooses every word, and
its clauses are good English. An example::

    >>> state = advance(INITIAL, "a")
    >>> next_words(state, ("crime",))[:3]
    ('dark', 'grim', 'gripping')
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from operators.narration.shipped import frame_rows
from operators.narration.vocabulary import Category, genre_owners, mood_owners, vocabulary
from schemas.domains import Domain

START, END, COMMA = "<s>", ".", ","
State = tuple[str, str, str, str]
"""The four words before; `START` where the clause has not got so far."""

INITIAL: State = (START, START, START, START)

_CLAUSE = re.compile(r"^[^{}]*(?:\{[AQ]\}[^{}]*)?\{B\}(?: right now)?, (an? [^{}]+)\.$")
_OTHERS = re.compile(
    r"\b(?:its|viewers?|people|often|right now|also|fans|they|kids|who|for viewers|with viewers|find|"
    r"that is|that's|is)\b"
)
_TOKEN = re.compile(r"[a-z]+(?:['-][a-z]+)*|,")


@lru_cache(maxsize=4_096)
def next_words(state: State, known: tuple[str, ...]) -> tuple[str, ...]:
    """Words, `COMMA` or `END` that may follow ``state`` in a clause about an item of these canonical categories."""
    return _followers(known).get(state, ())


def advance(state: State, word: str) -> State:
    """The state after one more word."""
    return (*state[1:], word)


@lru_cache(maxsize=512)
def _followers(known: tuple[str, ...]) -> dict[State, tuple[str, ...]]:
    followers: dict[State, dict[str, None]] = {}
    clauses = [clause for name in known for clause in _clauses_by_category().get(name, ())]
    for clause in clauses:
        if not all(_true_of(word, known) for word in clause):
            continue
        state = INITIAL
        for word in (*clause, END):
            followers.setdefault(state, {})[word] = None
            state = advance(state, word)
    return {state: tuple(sorted(words)) for state, words in followers.items()}


@cache
def _clauses_by_category() -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for row in frame_rows("en"):
        clause = _CLAUSE.match(row.text) if row.reviewed else None
        if clause and row.domain is Domain.FILM:
            text = clause[1].replace("keeps them", "keeps you").replace("their", "your").replace(" them ", " you ")
            if not _OTHERS.search(text):
                found.setdefault(row.category, []).append(_words(text))
    for name, category in vocabulary(Domain.FILM).categories.items():
        found.setdefault(name, []).extend(_words(text) for text in _made_of(category))
    return found


def _made_of(category: Category) -> Iterator[str]:
    """The patterns *a tense thriller …* and *a tense, gripping thriller …* over the category's own words."""
    for first in category.adjectives:
        article = "an" if first[0] in "aeiou" else "a"
        for tail in category.tails:
            yield f"{article} {first} {category.noun} {tail}"
            for second in category.adjectives:
                if second != first:
                    yield f"{article} {first}, {second} {category.noun} {tail}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text.lower()))


def _true_of(word: str, known: Iterable[str]) -> bool:
    """Whether the word claims no genre and no mood that is not the item's."""
    return all(
        word not in owners or not owners[word].isdisjoint(known)
        for owners in (genre_owners("en", Domain.FILM), mood_owners(Domain.FILM))
    )
