"""What a user may do to an item."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """``skip``, ``hide`` and ``dislike`` are negative: they push away, and the item is not recommended again."""

    CLICK = "click"
    VIEW = "view"
    ADD_TO_CART = "add_to_cart"
    FAVORITE = "favorite"
    LIKE = "like"
    SHARE = "share"
    COMMENT = "comment"
    PLAY = "play"
    RATE = "rate"
    SKIP = "skip"
    HIDE = "hide"
    DISLIKE = "dislike"
