"""Query match: titles and categories that answer what the user searched for.

score_j = cosine of j's TF-IDF vector with the query's; a query without a known word gives nothing.
"""

from __future__ import annotations

from numba import njit

from operators.generators.generator import NO_TUNING, Generator, Voice
from operators.generators.text_match import match_text
from schemas.recommendation import ReasonKind


@njit(cache=True, nogil=True)
def query_match(view, tuning, place):  # type: ignore[no-untyped-def]
    """The items nearest to the query that the user has not consumed."""
    match_text(view.user.tokens, view.user.token_weights, view.text.budget, view, place)


GENERATOR = Generator("query_match", ReasonKind.SEARCH_MATCH, query_match, NO_TUNING, Voice.QUERY)
