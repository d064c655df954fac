"""Characters that stand for names in a masked sentence."""

from __future__ import annotations

ANCHOR, ITEM, QUERY = "\ue000", "\ue001", "\ue002"
"""Private-use characters: cleaned titles never hold one."""

NAMES = ANCHOR + ITEM + QUERY
