"""What is kept of one user, decoded: profiles read and write it, ranking reads it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from operators.kernels.stable_hash import stable_hash
from operators.state.parameters import Parameters
from schemas.actions import ACTION_CODES as ACTION_CODES

ACTIONS: tuple[str, ...] = tuple(sorted(ACTION_CODES, key=ACTION_CODES.__getitem__))
"""Names behind the codes in `recent_actions`, which are stored."""

EVENT_ID_BYTES = 16
"""Of an event in `UserState.event_ids`. One string of bytes a user: a dict of numbers would be most of the state's memory."""


@dataclass(slots=True)
class Shown:
    """A list that was recommended: for each of its items, whether an impression and a click were counted."""

    recommendation_id: str
    items: array[int]
    impressed: int = 0
    """Bit p: position p (from 0) was counted as impressed."""
    clicked: int = 0
    """Bit p: position p was counted as clicked."""


@dataclass(slots=True, eq=False)
class UserState:
    """State of one user; item numbers are dense numbers of this process's `ItemIndex`.

    The three `recent_*` arrays are parallel, newest first by event time, at most `Parameters.history` long, with
    repetitions; only positive interactions are in them. Everything is bounded by `Parameters`.
    """

    user_id: str
    user_hash: int
    factors: NDArray[np.float32]
    """f32[k], zero until something was learned."""
    applied: dict[int, int] = field(default_factory=dict)
    """Source number -> last offset contained in this state."""
    clicks: int = 0
    searches: int = 0
    purchases: int = 0
    impressions: int = 0
    negatives: int = 0
    learned: int = 0
    """Events of every kind that were learned, so neither duplicates nor ignored ones."""
    repeat_events: int = 0
    """Positive interactions with an item that was already consumed."""
    recent_items: array[int] = field(default_factory=lambda: array("i"))
    recent_times: array[int] = field(default_factory=lambda: array("q"))
    recent_actions: array[int] = field(default_factory=lambda: array("B"))
    """Codes of `ACTIONS`."""
    queries: list[tuple[str, int]] = field(default_factory=list)
    """(text, time in ms), newest first."""
    consumed: dict[int, int] = field(default_factory=dict)
    """Item -> positive interactions, the last used item last."""
    banned: dict[int, None] = field(default_factory=dict)
    """Items never to be recommended again, the last banned one last."""
    event_ids: bytearray = field(default_factory=bytearray)
    """`EVENT_ID_BYTES` for each of the last events, the newest last: 8 that stand for its id, 8 for its content."""
    shown: list[Shown] = field(default_factory=list)
    """The lists recommended last, the newest last."""
    rate_minute: int = 0
    """Minute (epoch) that `rate_count` counts in: the bound of a user's event rate is part of the state, so that a
    replay decides alike. It never goes back, so it is also when the user was last heard of."""
    rate_count: int = 0
    """Events of that minute, learned or not."""
    batch_row: int = -1
    """Row of the user in the batch being collected (-1 none); never stored."""
    changed_in: int = -1
    """The interval between two checkpoints in which it was last changed; never stored."""

    @classmethod
    def fresh(cls, user_id: str, parameters: Parameters) -> UserState:
        """The state of a user who was never seen."""
        return cls(user_id, stable_hash(user_id), np.zeros(parameters.factors, np.float32))

    def remember_shown(self, recommendation_id: str, items: Iterable[int], limit: int = 3) -> None:
        """Keep a list that leaves for the user, so that impressions and clicks can be counted on it.

        A list made again under the same id (after a crash) takes the place of the first.
        """
        kept = [entry for entry in self.shown if entry.recommendation_id != recommendation_id]
        kept.append(Shown(recommendation_id, array("i", items)))
        self.shown = kept[-limit:]
