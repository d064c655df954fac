"""Which items may be recommended: to anybody, and to one user."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.state.parameters import Parameters

if TYPE_CHECKING:
    from operators.state.user_state import UserState

SEEN = np.uint8(1)
BANNED = np.uint8(2)
HELD = np.uint8(4)

_PRIOR_EVENTS = 2.0
_REPEAT_FLOOR = 0.02
"""Repeats that are rarer are worth no place in a list."""


class Gate(NamedTuple):
    """The arrays that decide on an item, as one argument of kernels.

    `mask` u8 by item: SEEN, BANNED and HELD bits of the user; `now` in milliseconds.
    """

    mask: NDArray[np.uint8]
    available: NDArray[np.bool_]
    deleted: NDArray[np.bool_]
    expires_at: NDArray[np.int64]
    known: NDArray[np.bool_]
    interactions: NDArray[np.float32]
    now: int


@njit(cache=True, nogil=True)
def gate_of(rows, mask, now):  # type: ignore[no-untyped-def]
    """The gate over `ItemIndex.arrays()`."""
    return Gate(mask, rows.available, rows.deleted, rows.expires_at, rows.cataloged, rows.interactions, now)


@njit(cache=True, nogil=True)
def mark(mask, user):  # type: ignore[no-untyped-def]
    """Say in the mask what the user (`UserArrays`) has consumed, banned, and is not to be offered again now."""
    for item in user.consumed:
        mask[item] = SEEN
    for item in user.banned:
        mask[item] |= BANNED
    for item in user.held:
        mask[item] |= HELD


@njit(cache=True, nogil=True)
def unmark(mask, user):  # type: ignore[no-untyped-def]
    """Put the mask back to 0."""
    for item in user.consumed:
        mask[item] = 0
    for item in user.banned:
        mask[item] = 0
    for item in user.held:
        mask[item] = 0


@njit(cache=True, nogil=True, inline="always")
def recommendable(gate, item):  # type: ignore[no-untyped-def]
    """Whether the item exists for everybody: catalogued or interacted with, available, not deleted or expired."""
    return (
        gate.available[item]
        and not gate.deleted[item]
        and gate.expires_at[item] > gate.now
        and (gate.known[item] or gate.interactions[item] > 0.0)
    )


@njit(cache=True, nogil=True, inline="always")
def fresh_for_user(gate, item):  # type: ignore[no-untyped-def]
    """Whether the item is recommendable, not banned by the user and not consumed before."""
    return gate.mask[item] == 0 and recommendable(gate, item)


@njit(cache=True, nogil=True, inline="always")
def again_for_user(gate, item):  # type: ignore[no-untyped-def]
    """Whether a consumed item may be offered again: recommendable, neither banned nor held back."""
    return gate.mask[item] & (BANNED | HELD) == 0 and recommendable(gate, item)


@njit(cache=True, nogil=True, inline="always")
def typed_for_user(gate, item):  # type: ignore[no-untyped-def]
    """Whether what the user typed may be shown: all that is recommendable and not banned, also what was just bought."""
    return gate.mask[item] & BANNED == 0 and recommendable(gate, item)


def repeat_rate(state: UserState, global_rate: float) -> float:
    """Probability that the user comes back to a consumed item: own repeats shrunk to everybody's.

    The posterior mean of a Beta prior worth `_PRIOR_EVENTS` events at the global rate.
    """
    events = len(state.recent_items) and sum(state.consumed.values())
    return (state.repeat_events + _PRIOR_EVENTS * global_rate) / (events + _PRIOR_EVENTS)


def repeats_allowed(parameters: Parameters, rate: float) -> bool:
    """The setting where there is one, else whether the repeat rate is worth a place in the list."""
    return rate >= _REPEAT_FLOOR if parameters.allow_repeats is None else parameters.allow_repeats
