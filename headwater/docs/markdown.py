"""Markdown that is put together from rows."""

from __future__ import annotations

from collections.abc import Iterable


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table; cells are Markdown (:func:`escape` makes them of plain text)."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escape(text: str) -> str:
    """``text`` as one cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def codes(names: Iterable[str]) -> str:
    """Names beside each other, each as code."""
    return ", ".join(f"`{name}`" for name in names)
