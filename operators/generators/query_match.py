"""Query match: titles and categories that answer what the user searched for."""

from __future__ import annotations

from operators.generators.base import NO_CANDIDATES, Candidates, UserView, no_anchors
from operators.generators.text_match import match_text


class QueryMatch:
    """score_j = cosine of j's TF-IDF vector with the query's; a query without a known word gives nothing."""

    name = "query_match"

    def generate(self, view: UserView, limit: int) -> Candidates:
        """The items nearest to the view's query that the user has not consumed."""
        if view.query is None or view.index.text.documents == 0:
            return NO_CANDIDATES
        text = view.index.text
        tokens, weights = text.query_vector(view.query)
        if len(tokens) == 0:
            return NO_CANDIDATES
        items, scores = match_text(tokens, weights, text.arrays(), limit, view.gate)
        return Candidates(items, scores, no_anchors(len(items)))
