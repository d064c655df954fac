"""Incremental inverted index over titles and categories: TF-IDF weights, cosine similarity of items.

Reference: Manning, Raghavan, Schütze, "Introduction to Information Retrieval" (2008), chapters 6 and 7; the term
frequency is the boolean variant, as a word that a title repeats says no more about the item.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from operators.text.cosines import TextArrays
from operators.text.postings import Postings, doubled
from operators.text.tokenizer import tokens_of_text

MAX_TOKENS = 24
"""Distinct tokens kept for an item: the first ones, as titles and categories come before the rest."""

SCAN_BUDGET = 50_000
"""Postings looked at for one vector, rarest tokens first; what is left out weighs least."""

_REFRESH_SHARE = 1 / 20


class TextIndex:
    """Texts by item number, for their cosines (`cosines`), kept current one item at a time.

    A token that is there weighs idf = ln(1 + n / df). Inverse document frequencies and norms are recomputed
    after every change while the index is small and after each further 5 % of changes later, so an item costs
    amortised O(MAX_TOKENS). Not for use by two threads at once: they would share scratch arrays.

    >>> from operators.text.cosines import cosines
    >>> index, out = TextIndex(), np.empty(2, np.float32)
    >>> for item, text in enumerate(("Toy Story comedy", "Heat crime", "Small Time Crooks comedy crime")):
    ...     index.add(item, text)
    >>> cosines(2, np.arange(2, dtype=np.int32), index.arrays(), out)
    >>> [f"{cosine:.2f}" for cosine in out]
    ['0.14', '0.19']
    """

    def __init__(self) -> None:
        self.documents = 0
        self.token_ids = np.full((64, MAX_TOKENS), -1, np.int32)
        self.token_count = np.zeros(64, np.int32)
        self.norm = np.zeros(64, np.float32)
        self.idf = np.zeros(256, np.float32)
        self._postings = Postings()
        self._grown = 0
        self._changes = 0
        self._scratch = np.zeros(64, np.float32)
        self._touched = np.zeros(64, np.int32)

    @property
    def generation(self) -> int:
        """Counts how often arrays were replaced."""
        return self._grown + self._postings.generation

    def add(self, item: int, text: str) -> None:
        """Index `text` under the item number, in place of what was there; no token at all means removal."""
        words = list(dict.fromkeys(tokens_of_text(text)))[:MAX_TOKENS]
        self._grow_items(item + 1)
        if self._words_of(item) == set(words):
            return
        self.remove(item)
        if not words:
            return
        postings = self._postings
        tokens = np.sort(postings.numbers(words))
        if len(self.idf) < len(postings.length):
            self.idf = doubled(self.idf)
        self.token_ids[item, : len(tokens)] = tokens
        self.token_count[item] = len(tokens)
        self.documents += 1
        postings.add(item, tokens)
        self.idf[tokens[postings.length[tokens] == 1]] = math.log1p(self.documents)
        self.norm[item] = np.sqrt(np.sum(self.idf[tokens] ** 2))
        self._changed()

    def remove(self, item: int) -> None:
        """Forget the item's text; an item that has none is left as it is."""
        if item >= len(self.token_count) or self.token_count[item] == 0:
            return
        self._postings.remove(item, self.token_ids[item, : self.token_count[item]].tolist())
        self.token_ids[item] = -1
        self.token_count[item] = 0
        self.norm[item] = 0.0
        self.documents -= 1
        self._changed()

    def arrays(self) -> TextArrays:
        """What kernels read. Ask again when `generation` has changed: arrays are replaced when they grow."""
        postings = self._postings
        return TextArrays(
            self.token_ids, self.token_count, self.norm, self.idf, postings.start, postings.length, postings.pool,
            self._scratch, self._touched, SCAN_BUDGET,
        )  # fmt: skip

    def _words_of(self, item: int) -> set[str]:
        words = self._postings.words
        return {words[token] for token in self.token_ids[item, : self.token_count[item]].tolist()}

    def _grow_items(self, size: int) -> None:
        while size > len(self.token_count):
            self._grown += 1
            self.token_ids = np.concatenate((self.token_ids, np.full_like(self.token_ids, -1)))
            self.token_count, self.norm = doubled(self.token_count), doubled(self.norm)
            self._scratch, self._touched = doubled(self._scratch), doubled(self._touched)

    def _changed(self) -> None:
        self._changes += 1
        if self._changes < self.documents * _REFRESH_SHARE:
            return
        self._changes = 0
        known = len(self._postings.words)
        frequency = np.maximum(self._postings.length[:known], 1)
        self.idf[:known] = np.log1p(self.documents / frequency)
        _norms(self.token_ids, self.token_count, self.idf, self.norm)


@njit(cache=True, nogil=True)
def _norms(token_ids, token_count, idf, norm):  # type: ignore[no-untyped-def]
    for item in range(len(token_count)):
        squares = 0.0
        for column in range(token_count[item]):
            squares += idf[token_ids[item, column]] ** 2
        norm[item] = math.sqrt(squares)
