"""Index of searches: titles and categories as rows of atoms in their order, and which items have which atom."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from operators.kernels.array_types import IntArray
from operators.text.atoms import Atom, head_of, parts_of
from operators.text.postings import Postings, doubled
from operators.text.query import NO_QUERY, Query, block, read_query
from operators.text.search import END, FIELD, PART, SearchArrays, Shape, answering

MAX_ATOMS = 64
"""Atoms of an item, with the marks between them, that can be found; a title has at most three quarters of them."""

SCAN_BUDGET = 20_000
"""Items looked at for a search at most, those of the rarest words; the latest of a word that more have."""

_MAX_TITLE = MAX_ATOMS * 3 // 4
_NARROW = 16
_QUERIES = 4_096


class SearchIndex:
    """What can be searched for, kept current one item at a time. Not for use by two threads at once.

    >>> index = SearchIndex()
    >>> for item, title in enumerate(("Tea Set", "Electric Kettle 1.7 L", "Kettle Descaler")):
    ...     index.add(item, title, ("Kettles",) if item == 0 else ())
    >>> index.find("ketle").tolist(), index.find("of the").tolist()
    ([1, 2, 0], [])
    """

    def __init__(self) -> None:
        self.documents = 0
        self.rows = np.full((64, _NARROW), END, np.int32)
        self.shapes = np.zeros((64, len(Shape._fields)), np.int16)
        self._postings = Postings()
        self._grown = 0
        self._letters: dict[int, set[str]] = {}
        self._queries: dict[str, Query] = {}
        self._marks = np.zeros(64, np.bool_)
        self._touched = np.zeros(64, np.int32)
        self._scores = np.zeros(64, np.float32)

    @property
    def generation(self) -> int:
        """Counts how often arrays were replaced."""
        return self._grown + self._postings.generation

    def add(self, item: int, title: str, categories: Sequence[str], locale: str | None = None) -> None:
        """Make the item searchable in place of what was there; without a word in it, it is in no answer.

        `locale`: BCP 47 tag of the title's language.
        """
        self.remove(item)
        atoms, shape = _laid_out(title, categories, locale)
        if not atoms:
            return
        self._grow(item + 1, len(atoms))
        self.rows[item, : len(atoms)] = row = self._numbers(atoms)
        self.shapes[item] = shape
        self._postings.add(item, np.array(_distinct(row), np.int32))
        self.documents += 1
        self._queries.clear()

    def remove(self, item: int) -> None:
        """Forget the item; one that is not there is left as it is."""
        if item >= len(self.rows) or self.rows[item, 0] == END:
            return
        self._postings.remove(item, _distinct(self.rows[item].tolist()))
        self.rows[item] = END
        self.documents -= 1
        self._queries.clear()

    def query(self, text: str) -> Query:
        """What was typed, read with the words that are there now; valid until the index changes.

        It is remembered, as later lists stand on the same search; do not write to its arrays.
        """
        query = self._queries.get(text)
        if query is None:
            if len(self._queries) >= _QUERIES:
                self._queries.clear()
            query = self._queries[text] = read_query(text, self._postings, self.documents, self._letters)
        return query

    def arrays(self) -> SearchArrays:
        """What kernels read. Ask again when `generation` has changed: arrays are replaced when they grow."""
        postings = self._postings
        return SearchArrays(
            self.rows, self.shapes, postings.start, postings.length, postings.pool,
            self._marks, self._touched, self._scores, SCAN_BUDGET,
        )  # fmt: skip

    def find(self, text: str) -> IntArray:
        """All items that answer a search, best first, equal ones by number."""
        query = self.query(text)
        count = answering(query, self.arrays()) if query is not NO_QUERY else 0
        items, scores = self._touched[:count], self._scores[:count]
        return items[np.lexsort((items, -scores))]

    def _numbers(self, atoms: list[Atom | int]) -> list[int]:
        """Atoms by number, and the marks between them as they are."""
        known, words = self._postings.vocabulary, [atom for atom in atoms if isinstance(atom, Atom)]
        for text, number, run in words:
            if text not in known and not (number or run):
                for letter in text:
                    self._letters.setdefault(block(letter), set()).add(letter)
        numbers = iter(self._postings.numbers([word.text for word in words]).tolist())
        return [next(numbers) if isinstance(atom, Atom) else atom for atom in atoms]

    def _grow(self, items: int, width: int) -> None:
        while items > len(self.rows):
            self._grown += 1
            self.rows = np.concatenate((self.rows, np.full_like(self.rows, END)))
            self.shapes, self._marks = doubled(self.shapes), doubled(self._marks)
            self._touched, self._scores = doubled(self._touched), doubled(self._scores)
        if width > self.rows.shape[1]:
            self._grown += 1
            room = np.full((len(self.rows), MAX_ATOMS), END, np.int32)
            room[:, : self.rows.shape[1]] = self.rows
            self.rows = room[:, : _NARROW * 2 ** ((width - 1) // _NARROW).bit_length()].copy()


def _laid_out(title: str, categories: Sequence[str], locale: str | None) -> tuple[list[Atom | int], Shape]:
    """An item's atoms with the marks between them, as far as there is room, and their shape."""
    parts = parts_of(title)
    row: list[Atom | int] = []
    for part in parts:
        row += [PART, *part] if row else part
    del row[_MAX_TITLE:]
    shape = Shape()
    if parts:
        first = parts[0][: len(row)]
        telling = [atom.telling for atom in first]
        atoms = sum(isinstance(atom, Atom) for atom in row)
        shape = Shape(
            len(row), len(first), telling.index(True) if True in telling else 0, head_of(first, locale), atoms
        )
    for category in categories:
        for place, part in enumerate(_parts_of_category(category)):
            row += [PART if place else FIELD, *part]
        if len(row) >= MAX_ATOMS:
            break
    return row[:MAX_ATOMS], shape


_parts_of_category = lru_cache(maxsize=4_096)(parts_of)


def _distinct(row: list[int]) -> list[int]:
    """The atoms of a row, each once."""
    return sorted({atom for atom in row if atom >= 0})
