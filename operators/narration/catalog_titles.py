"""Whether a phrase is the title of an item in the catalogue: what the checker asks about freely written text."""

from __future__ import annotations

from operators.narration.checker import KnownTitles
from operators.narration.titles import prose_title
from operators.state.item_index import ItemIndex

_BEST = 20


def known_titles(index: ItemIndex) -> KnownTitles:
    """The question for :func:`~operators.narration.checker.check`, answered by the index's titles as they are then.

    A phrase counts when it is an item's title, or its form in prose, but for case. Among items that a search for it
    finds only the best 20 are compared, so a title that more items than that share may be missed.
    """

    def known(phrase: str) -> bool:
        wanted = phrase.strip().casefold()
        rows = (index.catalog[item] for item in index.search.find(phrase)[:_BEST].tolist())
        return any(
            row is not None and wanted in (row.title.casefold(), prose_title(row.title).casefold()) for row in rows
        )

    return known
