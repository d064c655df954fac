"""Texts that analytics tools and exports write where they have none: they are no title and no category."""

from __future__ import annotations

_FILLERS = frozenset(
    {
        "(not set)", "(not provided)", "(none)", "(null)", "(empty)", "(blank)", "(undefined)", "(data deleted)",
        "not set", "not provided", "none", "null", "nil", "undefined", "nan", "n/a", "#n/a", "<na>", "#value!", "#ref!",
        "[object object]", "<null>", "<none>", "{{title}}", "-", "--", "---", "–", "—", "\\n",
    }
)  # fmt: skip


def is_placeholder(text: str) -> bool:
    """Whether the whole text is such a filler, in any case; blanks around it do not matter.

    >>> is_placeholder(" (Not Set) "), is_placeholder("Null Island")
    (True, False)
    """
    return len(text) < 40 and text.strip().casefold() in _FILLERS


def is_visible(text: str) -> bool:
    """Whether any character of ``text`` leaves a mark; the first one does nearly always."""
    return any(char.isprintable() and not char.isspace() for char in text)
