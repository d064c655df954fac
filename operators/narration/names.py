"""What the slots of a sentence stand for: title, anchor and query, cleaned and told apart."""

from __future__ import annotations

from dataclasses import dataclass

from operators.narration.languages.language import Language
from operators.narration.languages.registry import language_of
from operators.narration.quotation import Quotation, nested
from operators.narration.titles import prose_query, prose_title
from operators.narration.vocabulary import vocabulary
from schemas.facts import ANCHORED, Facts
from schemas.recommendation import ReasonKind


@dataclass(frozen=True, slots=True)
class Names:
    """What the slots of a sentence stand for, fit for its quotation marks; None where it has to do without.

    ``titles`` and ``queries`` are the marks in this language and domain.
    """

    item: str | None
    anchor: str | None
    query: str | None
    language: Language
    titles: Quotation
    queries: Quotation

    @classmethod
    def of(cls, facts: Facts) -> Names:
        """Names for the facts.

        An anchor that cannot be told from the item (two films of one name keep their years) is left out, as is a
        query that holds the title or is part of it: each would stand in the sentence twice.

        >>> facts = Facts(kind=ReasonKind.CO_WATCHED, title="Sabrina (1995)", anchor_title="Sabrina (1954)")
        >>> Names.of(facts).slots()
        {'B': '“Sabrina (1995)”', 'A': '“Sabrina (1954)”'}
        """
        item = prose_title(facts.title) if facts.title else ""
        anchor = prose_title(facts.anchor_title) if facts.anchor_title and facts.kind in ANCHORED else ""
        if item and item.casefold() == anchor.casefold():
            item = prose_title(facts.title or "", keep_year=True)
            anchor = prose_title(facts.anchor_title or "", keep_year=True)
            if item.casefold() == anchor.casefold():
                item, anchor = prose_title(facts.title or ""), ""
        query = prose_query(facts.query) if facts.query and facts.kind is ReasonKind.SEARCH_MATCH else ""
        if item and query and (item in query or query in item):
            query = ""
        language = language_of(facts.locale)
        titles = language.quotes
        if language.works is not None and vocabulary(facts.domain).titles_of_works:
            titles = language.works
        marks = (titles,) if titles is language.quotes else (titles, language.quotes)
        item, anchor, query = (nested(name, *marks) for name in (item, anchor, query))
        return cls(item or None, anchor or None, query or None, language, titles, language.quotes)

    def slots(self) -> dict[str, str]:
        """Text of each slot that can be filled, between its quotation marks."""
        named = (("B", self.item, self.titles), ("A", self.anchor, self.titles), ("Q", self.query, self.queries))
        return {slot: marks.around(name) for slot, name, marks in named if name}
