"""Query match: what answers the search, by title and category.

score_j = `operators.text.search`. A list that answers the search has what was typed even where the user had it before;
later lists that still stand on the search leave that out as all lists do.
"""

from __future__ import annotations

from numba import njit

from operators.generators.eligibility import fresh_for_user, typed_for_user
from operators.generators.generator import NO_TUNING, Generator, Voice
from operators.generators.select import name_nothing
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
        if kept == len(items) and score < scores[kept - 1]:
            continue
        if fresh_for_user(gate, item) or (answers and typed_for_user(gate, item)):
            kept = _insert(item, score, items, scores, kept)
    name_nothing(view.found, place, kept)


@njit(cache=True, nogil=True)
def _insert(item, score, items, scores, kept):  # type: ignore[no-untyped-def]
    """Put an item in its place among the `kept` best ones, if there is room for it; returns how many there are now.

    `select.keep_best` has this loop inside: a call for each of its many insertions would cost a tenth of a ranking.
    """
    at = kept
    while at > 0 and (scores[at - 1] < score or (scores[at - 1] == score and items[at - 1] > item)):
        at -= 1
    kept = min(kept + 1, len(items))
    if at < kept:
        for place in range(kept - 1, at, -1):
            scores[place] = scores[place - 1]
            items[place] = items[place - 1]
        scores[at] = score
        items[at] = item
    return kept


GENERATOR = Generator("query_match", ReasonKind.SEARCH_MATCH, query_match, NO_TUNING, Voice.QUERY)
