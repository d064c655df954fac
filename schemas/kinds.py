"""Kinds of input records."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a producer may send; `topic` is the name of its topic without the namespace."""

    CLICK = "click"
    SEARCH = "search"
    PURCHASE = "purchase"
    IMPRESSION = "impression"
    CATALOG = "catalog"

    @property
    def topic(self) -> str:
        """Topic without namespace: ``events.click.v1`` … ``catalog.items.v1``."""
        return "catalog.items.v1" if self is Kind.CATALOG else f"events.{self.value}.v1"
