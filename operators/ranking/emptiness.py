"""Why a list is empty, for those who have to do something about it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operators.state.item_index import ItemIndex


class EmptyCause(StrEnum):
    """Closed list: used as a metric label."""

    NO_ITEMS = "no_items"
    """No item is known: nothing in the catalogue, nothing learned from events yet."""
    NONE_AVAILABLE = "none_available"
    """Items are known, but each is deleted, unavailable or expired."""
    LEFT_OUT = "left_out"
    """Items may be recommended, but not to this user, who has had, seen, hidden or disliked all of them."""


def why_empty(index: ItemIndex, now_ms: int) -> EmptyCause:
    """Why nobody, or only this user, gets a list at ``now_ms``.

    The rules are those of `eligibility.recommendable`; costs a pass over the index.
    """
    known = index.cataloged | index.deleted | (index.interactions > 0.0)
    if not known.any():
        return EmptyCause.NO_ITEMS
    offered = known & index.available & ~index.deleted & (index.expires_at > now_ms)
    return EmptyCause.LEFT_OUT if offered.any() else EmptyCause.NONE_AVAILABLE
