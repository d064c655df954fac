"""The frame library: sentences with slots, written ahead of time by a language model and read by a person.

A frame names a category (*a dark crime film*), so it is only used in its domain and for items that have it.
"""

from __future__ import annotations

from collections.abc import Iterable

from operators.kernels.stable_hash import stable_hash
from operators.narration.languages.registry import LANGUAGES, is_written, language_of
from operators.narration.sentence import Sentence
from operators.narration.shipped import FrameRow, frame_rows
from operators.narration.vocabulary import canonical_categories
from schemas.domains import Domain
from schemas.facts import Facts
from schemas.recommendation import ReasonKind


class FrameLibrary:
    """Frames by domain, reason kind, category and language, and by whether they are for what the user liked only.

    >>> library = FrameLibrary.load()
    >>> facts = Facts(kind=ReasonKind.TRENDING, title="Heat (1995)", categories=("Crime",), domain=Domain.FILM)
    >>> library.candidates(facts)[0].fill({"B": "“Heat”"})
    'Many viewers are watching “Heat” right now, a dark crime film with a gritty atmosphere.'
    """

    def __init__(self, rows: Iterable[FrameRow]) -> None:
        self._cells: dict[tuple[Domain, ReasonKind, str, str, bool], list[Sentence]] = {}
        self.size = 0
        for row in rows:
            language = language_of(row.locale)
            sentence = Sentence.of(row.text)
            for liked in (True,) if language.claims_liking(row.text) else (True, False):
                key = (row.domain, row.reason, row.category, language.code, liked)
                self._cells.setdefault(key, []).append(sentence)
            self.size += 1

    @classmethod
    def load(cls) -> FrameLibrary:
        """The library that ships with the package: the reviewed frames of every language."""
        return cls(row for language in LANGUAGES for row in frame_rows(language.code) if row.reviewed)

    def candidates(self, facts: Facts, limit: int = 3) -> list[Sentence]:
        """Frames for these facts, the one to try first in front; empty where no frame is true of the item.

        There is none for a reader of another language: English takes its place, in templates. The first category of
        the item that has frames is used, then the next one; never a category that the item has not. Which frame comes
        first depends on user and item alone, so a replay picks the same.
        """
        if not is_written(facts.locale):
            return []
        language = language_of(facts.locale).code
        for category in canonical_categories(facts.categories, facts.domain):
            cell = self._cells.get((facts.domain, facts.kind, category, language, facts.liked))
            if cell:
                start = stable_hash(f"{facts.user_key}\0{facts.item_key}\0") % len(cell)
                return [cell[(start + step) % len(cell)] for step in range(min(limit, len(cell)))]
        return []
