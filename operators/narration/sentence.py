"""A sentence with slots: ``{B}`` is the recommended title, ``{A}`` the anchor's, ``{Q}`` the query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SLOT = re.compile(r"\{([ABQ])\}")


@dataclass(frozen=True, slots=True, eq=False)  # compared and hashed as one object: cheaply
class Sentence:
    """A sentence cut at its slots: ``pieces`` are literal text at even places and slot letters at odd ones.

    >>> sentence = Sentence.of("If you liked {A}, try {B}.")
    >>> sorted(sentence.slots)
    ['A', 'B']
    >>> sentence.fill({"A": "Casino", "B": "{A}"})
    'If you liked Casino, try {A}.'
    """

    pieces: tuple[str, ...]
    slots: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Sentence:
        """Cut ``text`` at ``{A}``, ``{B}`` and ``{Q}``; any other brace is literal."""
        pieces = tuple(_SLOT.split(text))
        return cls(pieces, frozenset(pieces[1::2]))

    def fill(self, slots: Mapping[str, str]) -> str:
        """The sentence with its slots replaced, each value taken literally. Raises `KeyError` for one not given."""
        return "".join(slots[piece] if place % 2 else piece for place, piece in enumerate(self.pieces))
