"""Which records get their text from the language model: those that the narrators' rate admits."""

from __future__ import annotations

from typing import Protocol

from operators.narration.facts import Facts
from streams.narration.admission import Priority


class LiveText(Protocol):
    """Decides where a record is ranked."""

    def admits(self, facts: Facts, priority: Priority) -> bool:
        """Whether this record becomes a draft."""


class NoLiveText:
    """No narrator, no drafts."""

    def admits(self, facts: Facts, priority: Priority) -> bool:
        return False
