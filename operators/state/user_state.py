"""What is kept of one user, decoded: profiles read and write it, ranking reads it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from operators.kernels.stable_hash import stable_hash
from operators.state.parameters import Parameters
from operators.state.user_columns import (
    BOUGHT,
    CODES,
    EVENT_IDS,
    ITEM_COUNTS,
    ITEM_KEYS,
    ITEMS,
    SHOWN,
    TIMES,
    VECTOR,
    Bought,
    Numbers,
    Shown,
    Stored,
)  # fmt: skip
from schemas.actions import ACTION_CODES as ACTION_CODES

ACTIONS: tuple[str, ...] = tuple(sorted(ACTION_CODES, key=ACTION_CODES.__getitem__))
"""Names behind the codes in `recent_actions`, which are stored."""

LIKED, DISLIKED, CODE = 0x40, 0x80, 0x3F
"""In `recent_actions`: bits that say how the user found the item, and the mask of the action's code."""

LIKING = {*map(ACTION_CODES.__getitem__, ("favorite", "like", "purchase"))}
"""Actions that say that the user likes the item."""

EVENT_ID_BYTES = 16
"""Of an event in `UserState.event_ids`, which is one string of bytes: numbers would be most of the state's memory."""


@dataclass(slots=True, eq=False)
class UserState:
    """State of one user; item numbers are dense numbers of this process's `ItemIndex`.

    Each column is declared once, here; `user_codec` stores those that are `Stored`. All are bounded by `Parameters`.
    The three `recent_*` arrays are parallel, newest first by event time, at most `Parameters.history` long, with
    repetitions; only positive interactions are in them.
    """

    user_id: str
    user_hash: int
    factors: Annotated[NDArray[np.float32], Stored(9, VECTOR)]
    """f32[k], zero until something was learned."""
    applied: Annotated[dict[int, int], Stored(1)] = field(default_factory=dict)
    """Source number -> last offset contained in this state."""
    clicks: Annotated[int, Stored(2)] = 0
    searches: Annotated[int, Stored(3)] = 0
    purchases: Annotated[int, Stored(4)] = 0
    impressions: Annotated[int, Stored(5)] = 0
    negatives: Annotated[int, Stored(6)] = 0
    learned: Annotated[int, Stored(7)] = 0
    """Events of every kind that were learned, so neither duplicates nor ignored ones."""
    repeat_events: Annotated[int, Stored(8)] = 0
    """Occasions on which the user came back to an item."""
    recent_items: Annotated[Numbers, Stored(10, ITEMS, turn=3)] = field(default_factory=lambda: array("i"))
    recent_times: Annotated[Numbers, Stored(11, TIMES)] = field(default_factory=lambda: array("q"))
    recent_actions: Annotated[Numbers, Stored(12, CODES)] = field(default_factory=lambda: array("B"))
    """Codes of `ACTIONS`, with the bits `LIKED` and `DISLIKED`."""
    queries: Annotated[list[tuple[str, int]], Stored(13)] = field(default_factory=list)
    """(text, time in ms), newest first."""
    consumed: Annotated[dict[int, int], Stored(14, ITEM_COUNTS, turn=1)] = field(default_factory=dict)
    """Item -> occasions on which the user took it, the last used item last."""
    banned: Annotated[dict[int, None], Stored(15, ITEM_KEYS, turn=2)] = field(default_factory=dict)
    """Items never to be recommended again, the last banned one last."""
    event_ids: Annotated[bytearray, Stored(16, EVENT_IDS)] = field(default_factory=bytearray)
    """`EVENT_ID_BYTES` for each of the last events, the newest last: 8 that stand for its id, 8 for its content."""
    shown: Annotated[list[Shown], Stored(17, SHOWN, turn=4)] = field(default_factory=list)
    """The lists recommended last, the newest last."""
    rate_minute: Annotated[int, Stored(18)] = 0
    """Minute (epoch) that `rate_count` counts in: the bound of a user's event rate is part of the state, so that a
    replay decides alike. It never goes back, so it is also when the user was last heard of."""
    rate_count: Annotated[int, Stored(19)] = 0
    """Events of that minute, learned or not."""
    said: Annotated[int, Stored(20)] = 0
    """Fingerprint of the sentence sent last, so that it is not sent twice running (0 none, `operators.narration`)."""
    bought: Annotated[dict[int, Bought], Stored(21, BOUGHT, turn=5)] = field(default_factory=dict)
    """Item -> its purchases, the last bought one last."""
    batch_row: int = -1
    """Row of the user in the batch being collected (-1 none)."""
    changed_in: int = -1
    """The interval between two checkpoints in which it was last changed."""

    @classmethod
    def fresh(cls, user_id: str, parameters: Parameters) -> UserState:
        """The state of a user who was never seen."""
        return cls(user_id, stable_hash(user_id), np.zeros(parameters.factors, np.float32))

    def remember_shown(self, recommendation_id: str, items: Iterable[int], limit: int = 3) -> None:
        """Keep a list that leaves for the user, so that impressions and clicks can be counted on it.

        A list made again under the same id (after a crash) takes the place of the first.

        >>> state = UserState.fresh("u", Parameters())
        >>> for name in ("r1", "r2", "r1", "r3"):
        ...     state.remember_shown(name, [1, 2], limit=2)
        >>> [entry.recommendation_id for entry in state.shown]
        ['r1', 'r3']
        """
        kept = [entry for entry in self.shown if entry.recommendation_id != recommendation_id]
        kept.append(Shown(recommendation_id, array("i", items)))
        self.shown = kept[-limit:]


def likes(state: UserState, item: int) -> bool:
    """Whether the user bought the item, liked it or rated it high, as far as the history goes.

    >>> state = UserState.fresh("u", Parameters())
    >>> state.recent_items.extend([7, 4]), state.recent_actions.extend([ACTION_CODES["view"], ACTION_CODES["like"]])
    (None, None)
    >>> likes(state, 4), likes(state, 7)
    (True, False)
    """
    return item in state.bought or any(
        action & LIKED or action & CODE in LIKING
        for other, action in zip(state.recent_items, state.recent_actions, strict=True)
        if other == item
    )
