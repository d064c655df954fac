"""What the kernels of candidate generators get: everything that they read of one ranking, and where they write."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit, types
from numba.experimental import structref

from operators.generators.base import Found, UserArrays, Workspace
from operators.generators.eligibility import gate_of, mark, unmark
from operators.generators.top_lists import TopArrays
from operators.state.item_columns import ItemArrays
from operators.state.user_state import DISLIKED
from operators.text.cosines import TextArrays
from operators.text.query import NO_QUERY
from operators.text.search import SearchArrays

if TYPE_CHECKING:
    from operators.state.parameters import Parameters


class HalfLives(NamedTuple):
    """How the rows that were learned age, in ms of event time (`Parameters`)."""

    neighbours: float
    successors: float

    @classmethod
    def of(cls, parameters: Parameters) -> HalfLives:
        """As floats, whatever was set: for another type numba would compile anew."""
        return cls(float(parameters.neighbour_half_life), float(parameters.successor_half_life))


@structref.register
class _ViewType(types.StructRef):  # type: ignore[misc]
    pass


class View(structref.StructRefProxy):  # type: ignore[misc]
    """One argument for all arrays: numba takes some 0.2 µs for each array that goes into a call, and there are eighty.

    A structure of numba's own is one pointer, whatever is in it. It is made anew when an array was replaced, which is
    rare. Kernels read its fields; Python only makes it. It holds the arrays, not copies of them.

    The same for all users, until an array is replaced:

    - `rows`: `ItemArrays`, what was learned of each item, and its catalogue side; `half_lives`: `HalfLives`
    - `text`: `TextArrays`, how alike titles and categories are; `search`: `SearchArrays`, what is found by them
    - `top`: `TopArrays`, the most popular and trending items
    - `scratch`: `Workspace`
    - `found`: `Found`, one row a generator

    Of the user who is ranked for, set by `begin`:

    - `user`: `UserArrays`
    - `history` i32[h]: distinct items of the user's positive interactions, newest first
    - `nameable` bool[h]: whether an explanation may name each of them
    - `gate`: `Gate`, which items the user may get (`fresh_for_user`, `again_for_user`)
    - `size`: items known; `described`: whether there is a catalogue, as any item has a text

    Reference: numba's documentation, "Extending: mutable structs" (`numba.experimental.structref`).
    """

    def __new__(
        cls, rows: ItemArrays, half_lives: HalfLives, text: TextArrays, search: SearchArrays, top: TopArrays,
        scratch: Workspace, found: Found,
    ) -> View:  # fmt: skip
        return _made(rows, half_lives, text, search, top, scratch, found, _NOBODY)  # type: ignore[no-any-return]


structref.define_proxy(
    View, _ViewType,
    [
        "rows", "half_lives", "text", "search", "top", "scratch", "found",
        "user", "history", "nameable", "gate", "size", "described",
    ],
)  # fmt: skip

_NO_ITEMS = np.empty(0, np.int32)
_NO_NUMBERS = np.empty(0, np.float32)
_NOBODY = UserArrays(
    _NO_ITEMS, np.empty(0, np.uint8), _NO_ITEMS, _NO_ITEMS, _NO_ITEMS, _NO_ITEMS, _NO_ITEMS, _NO_NUMBERS, NO_QUERY,
    False, False, 0,
)  # fmt: skip


@njit(cache=True)
def _made(rows, half_lives, text, search, top, scratch, found, user):  # type: ignore[no-untyped-def]
    gate = gate_of(rows, scratch.mask, user.now)
    return View(  # type: ignore[call-arg]  # in a kernel, from its fields
        rows,
        half_lives,
        text,
        search,
        top,
        scratch,
        found,
        user,
        scratch.history[:0],
        scratch.nameable[:0],
        gate,
        0,
        False,
    )


@njit(cache=True, nogil=True)
def begin(view, user, size, described):  # type: ignore[no-untyped-def]
    """Turn the view to one user, with the gate closed for what this user may not get; `end` must follow."""
    scratch = view.scratch
    mark(scratch.mask, user)
    count = _history(user, view.rows, described, scratch)
    view.user = user
    view.history = scratch.history[:count]
    view.nameable = scratch.nameable[:count]
    view.gate = gate_of(view.rows, scratch.mask, user.now)
    view.size = size
    view.described = described
    view.found.counts[:] = 0


@njit(cache=True, nogil=True)
def end(view):  # type: ignore[no-untyped-def]
    """Leave the scratch arrays clean; the rest stays until the next `begin`. Returns the length of the history."""
    unmark(view.scratch.mask, view.user)
    return len(view.history)


@njit(cache=True, nogil=True)
def _history(user, rows, described, scratch):  # type: ignore[no-untyped-def]
    """Distinct items of the user's history, as far as there is room, and whether each may be named; returns how many.

    An item may be named that the user did not rate low, whatever followed, is not deleted, and has a title where there
    is a catalogue. A system without any catalogue has no titles; there ids are named, in records and not in sentences.
    """
    count = 0
    for place in range(len(user.recent)):
        item = user.recent[place]
        if count == len(scratch.history):
            break  # a state of a time when histories were longer
        if scratch.slots[item] >= 0:
            if user.actions[place] & DISLIKED:
                scratch.nameable[scratch.slots[item]] = False
            continue
        scratch.slots[item] = count
        scratch.history[count] = item
        named = rows.titled[item] or not (described or rows.deleted[item] or rows.cataloged[item])
        scratch.nameable[count] = named and not user.actions[place] & DISLIKED
        count += 1
    for place in range(count):
        scratch.slots[scratch.history[place]] = -1
    return count
