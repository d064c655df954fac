"""Query match: titles and categories that answer what the user searched for.

score_j = cosine of j's TF-IDF vector with the query's; a query without a known word gives nothing.
"""

from __future__ import annotations

from numba import njit

from operators.generators.text_match import match_text


@njit(cache=True, nogil=True)
def query_match(tokens, weights, text, gate, found, place):  # type: ignore[no-untyped-def]
    """The items nearest to the query that the user has not consumed."""
    match_text(tokens, weights, text, text.budget, gate, found, place)
