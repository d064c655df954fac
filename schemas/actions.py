"""What a user may do to an item."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Action(StrEnum):
    """``skip``, ``hide`` and ``dislike`` are negative: they push away, and the item is not recommended again."""

    code: int
    """What stored user states keep of it: never changed, never used again."""
    weight: float
    """What it tells about preference, for matrix factorisation alone; negative: a step away, and a ban of the item."""

    def __new__(cls, value: str, code: int, weight: float) -> Self:
        action = str.__new__(cls, value)
        action._value_, action.code, action.weight = value, code, weight
        return action

    CLICK = "click", 0, 1.0
    VIEW = "view", 1, 0.5
    ADD_TO_CART = "add_to_cart", 2, 1.5
    FAVORITE = "favorite", 3, 1.5
    LIKE = "like", 4, 1.5
    SHARE = "share", 5, 1.5
    COMMENT = "comment", 6, 1.0
    PLAY = "play", 7, 1.0
    RATE = "rate", 8, 1.0
    SKIP = "skip", 9, -0.5
    HIDE = "hide", 10, -1.0
    DISLIKE = "dislike", 11, -1.5


PURCHASE = "purchase"
"""A purchase is an event of its own; in user states and learning it is one action more."""
PURCHASE_CODE = 12
PURCHASE_WEIGHT = 1.5

ACTION_CODES: dict[str, int] = {action.value: action.code for action in Action} | {PURCHASE: PURCHASE_CODE}
ACTION_WEIGHTS: dict[str, float] = {action.value: action.weight for action in Action} | {PURCHASE: PURCHASE_WEIGHT}
