"""What kernels of candidate generators read and write: arrays of items, of the user, scratch, and the lists found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.kernels.array_types import FloatArray, IntArray
from operators.text.query import Query


class Candidates(NamedTuple):
    """Distinct items, best first, with positive finite scores on the generator's own scale.

    `anchors` i32: the item of the user's history that each owes most to, -1 where none can be named.
    """

    items: IntArray
    scores: FloatArray
    anchors: IntArray


class UserArrays(NamedTuple):
    """What kernels may know of one user at one ranking.

    - `recent` i32: items of positive interactions, newest first, with repetitions
    - `actions` u8: what each of these was (`UserState.recent_actions`)
    - `consumed`, `banned` i32: items; `repeats_allowed`: whether consumed items may be offered again
    - `held` i32: items not to be offered again now (`repeats.Holds`)
    - `due` i32: items bought that may be; `again` i32: items of the history that the user came back to
    - `factors` f32[k]: zero until something was learned
    - `query`: the search that the list may stand on, `NO_QUERY` where there is none; `answers`: whether the list
      answers it, so that what was typed may be something that the user had before
    - `now`: epoch milliseconds
    """

    recent: IntArray
    actions: NDArray[np.uint8]
    consumed: IntArray
    banned: IntArray
    held: IntArray
    due: IntArray
    again: IntArray
    factors: FloatArray
    query: Query
    answers: bool
    repeats_allowed: bool
    now: int


class Found(NamedTuple):
    """Lists of g generators: the first `counts[p]` entries of row p are what generator p found (`Candidates`)."""

    counts: IntArray
    items: IntArray
    scores: FloatArray
    anchors: IntArray

    @classmethod
    def of_size(cls, generators: int, limit: int) -> Found:
        """Room for `limit` candidates of each generator."""
        shape = (generators, limit)
        return cls(
            np.zeros(generators, np.int32), np.empty(shape, np.int32), np.empty(shape, np.float32),
            np.empty(shape, np.int32),
        )  # fmt: skip

    def of(self, place: int) -> Candidates:
        """A copy of one generator's list."""
        count = self.counts[place]
        return Candidates(
            self.items[place, :count].copy(), self.scores[place, :count].copy(), self.anchors[place, :count].copy()
        )


class Workspace(NamedTuple):
    """Memory that is used again at each ranking. By item number: all zero, `slots` all -1, between uses.

    `history`, `nameable`: room for those of the `view.View`, which stay until the next ranking.
    """

    scores: FloatArray
    best: FloatArray
    anchors: IntArray
    touched: IntArray
    mask: NDArray[np.uint8]
    slots: IntArray
    history: IntArray
    nameable: NDArray[np.bool_]

    @classmethod
    def of_size(cls, items: int, history: int) -> Workspace:
        """Arrays for at least that many items and interactions."""
        return cls(
            np.zeros(items, np.float32), np.zeros(items, np.float32), np.zeros(items, np.int32),
            np.zeros(items, np.int32), np.zeros(items, np.uint8), np.full(items, -1, np.int32),
            np.zeros(history, np.int32), np.zeros(history, np.bool_),
        )  # fmt: skip
