"""The frame library: sentences with slots, written ahead of time by a language model and read by a person.

A frame names a category (*a dark crime film*), so it is only used for items that have it. ``{B}`` is the recommended
title, ``{A}`` the anchor's, ``{Q}`` the query. Filling is one pass of literal pieces: a title that looks like a slot
stays a title (case c51).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources

import msgspec

from operators.kernels.stable_hash import stable_hash
from operators.narration.facts import Facts, language_of
from operators.narration.vocabulary import canonical_categories
from schemas.recommendation import ReasonKind

_SLOT = re.compile(r"\{([ABQ])\}")


class FrameRow(msgspec.Struct, frozen=True):
    """One line of a frame file."""

    reason: ReasonKind
    category: str
    locale: str
    text: str
    model: str
    reviewed: bool = False


@dataclass(frozen=True, slots=True, eq=False)  # compared and hashed as the one object of its row: cheaply
class Sentence:
    """A sentence cut at its slots: ``pieces`` are literal text at even places and slot letters at odd ones."""

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


class FrameLibrary:
    """Frames by (reason kind, category, language).

    >>> library = FrameLibrary.load()
    >>> facts = Facts(kind=ReasonKind.TRENDING, title="Heat (1995)", categories=("Crime",))
    >>> library.candidates(facts, "user-1")[0].fill({"B": "Heat"})
    'Many viewers are watching Heat right now, a dark crime film that is full of gritty scenes.'
    """

    def __init__(self, rows: Iterable[FrameRow]) -> None:
        self._cells: dict[tuple[ReasonKind, str, str], list[Sentence]] = {}
        self.size = 0
        for row in rows:
            self._cells.setdefault((row.reason, row.category, row.locale), []).append(Sentence.of(row.text))
            self.size += 1

    @classmethod
    def load(cls) -> FrameLibrary:
        """The library that ships with the package: reviewed frames, English and Chinese."""
        return cls(row for row in shipped_rows() if row.reviewed)

    def candidates(self, facts: Facts, seed_key: str = "", limit: int = 3) -> list[Sentence]:
        """Frames for these facts, the one to try first in front; empty where no frame is true of the item.

        The first category of the item that has frames is used, then the next one; never a category that the item
        has not. Which frame comes first depends on user, item and ``seed_key`` alone, so a replay picks the same.
        """
        language = language_of(facts.locale)
        for category in canonical_categories(facts.categories):
            cell = self._cells.get((facts.kind, category, language))
            if cell:
                start = stable_hash(f"{facts.user_key}\0{facts.item_key}\0{seed_key}") % len(cell)
                return [cell[(start + step) % len(cell)] for step in range(min(limit, len(cell)))]
        return []


def shipped_rows() -> list[FrameRow]:
    """Every line of the package's frame files. Raises `msgspec.ValidationError` where one is damaged."""
    folder = resources.files(__package__) / "data"
    return [
        msgspec.json.decode(line, type=FrameRow)
        for language in ("en", "zh")
        for line in (folder / f"frames-{language}.jsonl").read_bytes().splitlines()
        if line
    ]
