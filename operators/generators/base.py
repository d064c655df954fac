"""What a candidate generator is: user and item index in, a bounded list of scored items out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from operators.eligibility import Gate
    from operators.generators.top_lists import TopLists
    from operators.item_index import ItemIndex
    from operators.parameters import Parameters
    from operators.user_state import UserState

IntArray = NDArray[np.int32]
FloatArray = NDArray[np.float32]


class Candidates(NamedTuple):
    """Distinct items, best first, with positive finite scores on the generator's own scale.

    `anchors`: the item of the user's history that contributed most to each, -1 where none can be named.
    """

    items: IntArray
    scores: FloatArray
    anchors: IntArray


NO_CANDIDATES = Candidates(np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int32))


_NO_ANCHORS = np.full(1024, -1, np.int32)


def no_anchors(count: int) -> IntArray:
    """i32[count] of -1, shared and not to be written to: of candidates that name no item."""
    return _NO_ANCHORS[:count] if count <= len(_NO_ANCHORS) else np.full(count, -1, np.int32)


@dataclass(slots=True)
class Workspace:
    """Scratch arrays by item number, zero between uses; one ranking at a time."""

    scores: FloatArray
    best: FloatArray
    anchors: IntArray
    touched: IntArray
    mask: NDArray[np.uint8]
    slots: IntArray

    @classmethod
    def of_size(cls, size: int) -> Workspace:
        """Arrays for at least `size` items."""
        return cls(
            np.zeros(size, np.float32), np.zeros(size, np.float32), np.zeros(size, np.int32),
            np.zeros(size, np.int32), np.zeros(size, np.uint8), np.full(size, -1, np.int32),
        )  # fmt: skip


@dataclass(slots=True)
class UserView:
    """What the generators may know at one ranking.

    `history`: distinct items of the user's positive interactions, newest first; `anchor_allowed` bool beside it:
    whether an explanation may name the item. `query` is the text that the list may stand on, None when the user
    asked for nothing lately; `query_age_ms` how old it is (0: the list answers it). `repeat_rate`: probability that the
    next event is on a consumed item, 0 where repeats are not allowed.
    """

    state: UserState
    index: ItemIndex
    parameters: Parameters
    now_ms: int
    history: IntArray
    anchor_allowed: NDArray[np.bool_]
    query: str | None
    query_age_ms: int
    repeat_rate: float
    repeats_allowed: bool
    gate: Gate
    top: TopLists
    workspace: Workspace


class Generator(Protocol):
    """A source of candidates. Implementations hold no state of users and draw no random numbers."""

    @property
    def name(self) -> str:
        """The key in `contributions`, metrics and the evaluation's table."""
        ...

    def generate(self, view: UserView, limit: int) -> Candidates:
        """At most `limit` items that pass `view.gate`, so the cut is made after the filter, never before."""
        ...
