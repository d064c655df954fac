"""Incremental inverted index over titles and categories: TF-IDF weights, cosine similarity.

Reference: Manning, Raghavan, Schütze, "Introduction to Information Retrieval" (2008), chapters 5 to 7; the
term frequency is the boolean variant, as a word that a title repeats says no more about the item.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.kernels.array_types import FloatArray, IntArray
from operators.text.cosines import TextArrays, accumulate, profile
from operators.text.tokenizer import tokens_of_query, tokens_of_text

MAX_TOKENS = 24
"""Distinct tokens kept for an item: the first ones, as titles and categories come before the rest."""

SCAN_BUDGET = 50_000
"""Postings looked at for a query, rarest tokens first; what is left out weighs least."""

_REFRESH_SHARE = 1 / 20
_QUERIES = 16_384

_Array = TypeVar("_Array", bound=NDArray[np.generic])


class TextIndex:
    """Cosine similarity of texts by item number, kept current one item at a time.

    A token that is there weighs idf = ln(1 + n / df). Inverse document frequencies and norms are recomputed
    after every change while the index is small and after each further 5 % of changes later, so an item costs
    amortised O(MAX_TOKENS). Not for use by two threads at once: they would share scratch arrays.

    >>> index = TextIndex()
    >>> for item, text in enumerate(("Toy Story comedy", "Heat crime", "Small Time Crooks comedy crime")):
    ...     index.add(item, text)
    >>> items, cosines = index.search("crime comedies", limit=2)
    >>> [(int(item), f"{cosine:.2f}") for item, cosine in zip(items, cosines)]
    [(2, '0.47'), (1, '0.39')]
    """

    def __init__(self) -> None:
        self.documents = 0
        self.generation = 0
        """Counts how often arrays were replaced."""
        self.token_ids = np.full((64, MAX_TOKENS), -1, np.int32)
        self.token_count = np.zeros(64, np.int32)
        self.norm = np.zeros(64, np.float32)
        self.idf = np.zeros(256, np.float32)
        self._vocabulary: dict[str, int] = {}
        self._words: list[str] = []
        self._free_tokens: list[int] = []
        self._vectors: dict[str, tuple[IntArray, FloatArray]] = {}
        self._changes = 0
        self._start = np.zeros(256, np.int64)
        self._length = np.zeros(256, np.int32)
        self._capacity = np.zeros(256, np.int32)
        self._pool_items = np.zeros(1024, np.int32)
        self._pool_used = np.zeros(1, np.int64)
        self._scratch = np.zeros(64, np.float32)
        self._touched = np.zeros(64, np.int32)

    def add(self, item: int, text: str) -> None:
        """Index `text` under the item number, in place of what was there; no token at all means removal."""
        words = list(dict.fromkeys(tokens_of_text(text)))[:MAX_TOKENS]
        self._grow_items(item + 1)
        if self._words_of(item) == set(words):
            return
        self.remove(item)
        if not words:
            return
        tokens = np.sort(np.array([self._intern(word) for word in words], np.int32))
        self.token_ids[item, : len(tokens)] = tokens
        self.token_count[item] = len(tokens)
        self.documents += 1
        self._append_postings(item, tokens)
        self.idf[tokens[self._length[tokens] == 1]] = math.log1p(self.documents)
        self.norm[item] = np.sqrt(np.sum(self.idf[tokens] ** 2))
        self._changed()

    def remove(self, item: int) -> None:
        """Forget the item's text; an item that has none is left as it is."""
        if item >= len(self.token_count) or self.token_count[item] == 0:
            return
        count = int(self.token_count[item])
        tokens = self.token_ids[item, :count].copy()
        for token in tokens.tolist():
            self._remove_posting(item, token)
            if self._length[token] == 0:
                del self._vocabulary[self._words[token]]
                self._words[token] = ""
                self._free_tokens.append(token)
        self.token_ids[item] = -1
        self.token_count[item] = 0
        self.norm[item] = 0.0
        self.documents -= 1
        self._changed()

    def query_vector(self, query: str) -> tuple[IntArray, FloatArray]:
        """Known tokens of a query and their TF-IDF weights, divided by the norm over *all* its tokens.

        An unknown word counts in the norm as a word that one document has, so that a query of which half is
        unknown cannot reach a cosine of 1. Both arrays are empty when nothing is known. They are remembered until
        the index changes, as a query is asked again with each list that stands on it; do not write to them.
        """
        vector = self._vectors.get(query)
        if vector is None:
            if len(self._vectors) >= _QUERIES:
                self._vectors.clear()
            vector = self._vectors[query] = self._query_vector(query)
        return vector

    def _query_vector(self, query: str) -> tuple[IntArray, FloatArray]:
        words = tuple(dict.fromkeys(tokens_of_query(query)))[:MAX_TOKENS]
        tokens = np.array([self._vocabulary[word] for word in words if word in self._vocabulary], np.int32)
        weights = self.idf[tokens]
        unknown = (len(words) - len(tokens)) * math.log1p(self.documents) ** 2
        norm = math.sqrt(float(np.sum(weights**2)) + unknown)
        return tokens, weights / norm if norm > 0.0 else weights

    def profile_vector(self, items: IntArray, weights: FloatArray) -> tuple[IntArray, FloatArray]:
        """The weighted sum of the items' unit vectors, scaled to length 1; empty when none has a text."""
        tokens, values = profile(items, weights, self.arrays())
        return tokens, values

    def matches(self, tokens: IntArray, weights: FloatArray) -> tuple[IntArray, FloatArray]:
        """All items that share a token with a unit vector, unsorted, with their cosine in (0, 1].

        `items` is a view into scratch memory, valid until the next call.
        """
        items = self._touched[: accumulate(tokens, weights, self.arrays(), SCAN_BUDGET)]
        scores = self._scratch[items]
        self._scratch[items] = 0.0
        return items, scores

    def arrays(self) -> TextArrays:
        """What kernels read. Ask again when `generation` has changed: arrays are replaced when they grow."""
        return TextArrays(
            self.token_ids, self.token_count, self.norm, self.idf, self._start, self._length, self._pool_items,
            self._scratch, self._touched, SCAN_BUDGET,
        )  # fmt: skip

    def search(self, query: str, limit: int) -> tuple[IntArray, FloatArray]:
        """The `limit` items nearest to a query, best first, ties by item number."""
        return _best(*self.matches(*self.query_vector(query)), limit)

    def similar(self, item: int, limit: int) -> tuple[IntArray, FloatArray]:
        """The `limit` items nearest to an item's text, best first, without the item itself."""
        vector = self.profile_vector(np.array([item], np.int32), np.ones(1, np.float32))
        items, scores = self.matches(*vector)
        others = items != item
        return _best(items[others], scores[others], limit)

    def _words_of(self, item: int) -> set[str]:
        return {self._words[token] for token in self.token_ids[item, : self.token_count[item]].tolist()}

    def _intern(self, word: str) -> int:
        token = self._vocabulary.get(word)
        if token is not None:
            return token
        if self._free_tokens:
            token = self._free_tokens.pop()
            self._words[token] = word
        else:
            token = len(self._words)
            self._words.append(word)
            if token == len(self.idf):
                self.generation += 1
                self.idf = _doubled(self.idf)
                self._start, self._length = _doubled(self._start), _doubled(self._length)
                self._capacity = _doubled(self._capacity)
        self._vocabulary[word] = token
        return token

    def _append_postings(self, item: int, tokens: IntArray) -> None:
        done = 0
        while True:
            done = _append(
                item, tokens, done, self._start, self._length, self._capacity,
                self._pool_items, self._pool_used,
            )  # fmt: skip
            if done == len(tokens):
                return
            self._pool_items = _doubled(self._pool_items)
            self.generation += 1

    def _remove_posting(self, item: int, token: int) -> None:
        """The last posting of the token takes the place of the item's."""
        first = int(self._start[token])
        postings = self._pool_items[first : first + int(self._length[token])]
        postings[np.flatnonzero(postings == item)[0]] = postings[-1]
        self._length[token] -= 1

    def _grow_items(self, size: int) -> None:
        while size > len(self.token_count):
            self.generation += 1
            self.token_ids = np.concatenate((self.token_ids, np.full_like(self.token_ids, -1)))
            self.token_count, self.norm = _doubled(self.token_count), _doubled(self.norm)
            self._scratch, self._touched = _doubled(self._scratch), _doubled(self._touched)

    def _changed(self) -> None:
        self._vectors.clear()
        self._changes += 1
        if self._changes < self.documents * _REFRESH_SHARE:
            return
        self._changes = 0
        known = len(self._words)
        frequency = np.maximum(self._length[:known], 1)
        self.idf[:known] = np.log1p(self.documents / frequency)
        _norms(self.token_ids, self.token_count, self.idf, self.norm)


def _doubled(array: _Array) -> _Array:
    return np.concatenate((array, np.zeros_like(array)))  # type: ignore[return-value]


def _best(items: IntArray, scores: FloatArray, limit: int) -> tuple[IntArray, FloatArray]:
    order = np.lexsort((items, -scores))[:limit]
    return items[order], scores[order]


@njit(cache=True, nogil=True)
def _append(item, tokens, done, start, length, capacity, pool_items, used):  # type: ignore[no-untyped-def]
    """Append from token `done` on; returns how many tokens are done (fewer than all: the pool is full)."""
    for place in range(done, len(tokens)):
        token = tokens[place]
        if length[token] == capacity[token]:
            room = max(2, 2 * capacity[token])
            if used[0] + room > len(pool_items):
                return place
            for offset in range(length[token]):
                pool_items[used[0] + offset] = pool_items[start[token] + offset]
            start[token] = used[0]
            capacity[token] = room
            used[0] += room
        pool_items[start[token] + length[token]] = item
        length[token] += 1
    return len(tokens)


@njit(cache=True, nogil=True)
def _norms(token_ids, token_count, idf, norm):  # type: ignore[no-untyped-def]
    for item in range(len(token_count)):
        squares = 0.0
        for column in range(token_count[item]):
            squares += idf[token_ids[item, column]] ** 2
        norm[item] = math.sqrt(squares)
