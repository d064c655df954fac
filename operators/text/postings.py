"""Posting lists: which items have a word, kept current one item at a time, in arrays that kernels read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.kernels.array_types import IntArray

_Array = TypeVar("_Array", bound=NDArray[np.generic])


class Postings:
    """Words by number, and for each the items that have it; a word that no item has any more is forgotten.

    - `vocabulary`, `words`: numbers by word, and words by number ("" for one that is free)
    - `start`, `length`: [words], where a word's items are in `pool`; arrays are replaced when they grow
    - `generation`: counts how often they were
    """

    def __init__(self) -> None:
        self.generation = 0
        self.vocabulary: dict[str, int] = {}
        self.words: list[str] = []
        self.start = np.zeros(256, np.int64)
        self.length = np.zeros(256, np.int32)
        self.pool = np.zeros(1024, np.int32)
        self._capacity = np.zeros(256, np.int32)
        self._used = np.zeros(1, np.int64)
        self._free: list[int] = []

    def numbers(self, words: Sequence[str]) -> IntArray:
        """Number of each word; a new one gets a number, and `add` has to follow with it."""
        return np.fromiter(map(self._intern, words), np.int32, len(words))

    def add(self, item: int, words: IntArray) -> None:
        """Put the item into the lists of distinct words that do not have it."""
        done = 0
        while True:
            done = _append(item, words, done, self.start, self.length, self._capacity, self.pool, self._used)
            if done == len(words):
                return
            self.pool = doubled(self.pool)
            self.generation += 1

    def remove(self, item: int, words: Iterable[int]) -> None:
        """Take the item out of the lists of distinct words that have it."""
        for word in words:
            first = int(self.start[word])
            items = self.pool[first : first + int(self.length[word])]
            items[np.flatnonzero(items == item)[0]] = items[-1]  # the last one takes its place
            self.length[word] -= 1
            if self.length[word] == 0:
                del self.vocabulary[self.words[word]]
                self.words[word] = ""
                self._free.append(word)

    def _intern(self, word: str) -> int:
        number = self.vocabulary.get(word)
        if number is not None:
            return number
        if self._free:
            number = self._free.pop()
            self.words[number] = word
        else:
            number = len(self.words)
            self.words.append(word)
            if number == len(self.start):
                self.generation += 1
                self.start, self.length = doubled(self.start), doubled(self.length)
                self._capacity = doubled(self._capacity)
        self.vocabulary[word] = number
        return number


def doubled(array: _Array) -> _Array:
    """Twice as many rows, the new ones 0."""
    return np.concatenate((array, np.zeros_like(array)))  # type: ignore[return-value]


@njit(cache=True, nogil=True)
def _append(item, words, done, start, length, capacity, pool, used):  # type: ignore[no-untyped-def]
    """Append from word `done` on; returns how many words are done (fewer than all: the pool is full)."""
    for place in range(done, len(words)):
        word = words[place]
        if length[word] == capacity[word]:
            room = max(2, 2 * capacity[word])
            if used[0] + room > len(pool):
                return place
            for offset in range(length[word]):
                pool[used[0] + offset] = pool[start[word] + offset]
            start[word] = used[0]
            capacity[word] = room
            used[0] += room
        pool[start[word] + length[word]] = item
        length[word] += 1
    return len(words)
