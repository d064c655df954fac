"""Query match: what answers the search, by title and category.

score_j = `operators.text.search`. A list that answers the search has what was typed even where the user had it before;
later lists that still stand on the search leave that out as all lists do.
"""

from __future__ import annotations

from numba import njit

from operators.generators.eligibility import fresh_for_user, typed_for_user
from operators.generators.generator import NO_TUNING, Generator, Voice
from operators.generators.select import falls_short, insert, name_nothing
from operators.text.search import answering
from schemas.recommendation import ReasonKind


@njit(cache=True, nogil=True)
def query_match(view, tuning, place):  # type: ignore[no-untyped-def]
    """The best answers to the query that the user may get."""
    if len(view.user.query.weights) == 0:
        return
    search, gate, answers = view.search, view.gate, view.user.answers
    items, scores = view.found.items[place], view.found.scores[place]
    kept = 0
    for at in range(answering(view.user.query, search)):
        item, score = search.touched[at], search.scores[at]
        if falls_short(item, score, items, scores, kept):
            continue
        if fresh_for_user(gate, item) or (answers and typed_for_user(gate, item)):
            kept = insert(item, score, items, scores, kept)
    name_nothing(view.found, place, kept)


GENERATOR = Generator("query_match", ReasonKind.SEARCH_MATCH, query_match, NO_TUNING, Voice.QUERY)
