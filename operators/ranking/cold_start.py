"""The cold-start ladder: what a list stands on, said honestly in `source`."""

from __future__ import annotations

from schemas.recommendation import Source

PERSONAL_FROM = 3
"""Distinct items of history from which a list counts as personal; below, it stands on the session."""


def ladder(history_length: int, *, query_matched: bool, answers_query: bool) -> Source:
    """The rung a list stands on.

    `search` where it answers a search that matched something, or where a matching query is all that is known of
    the user; else `personal`, `session` (one or two items), and `trending` for a user of whom nothing is known.

    >>> [ladder(items, query_matched=False, answers_query=False).value for items in (0, 1, 3)]
    ['trending', 'session', 'personal']
    >>> ladder(9, query_matched=True, answers_query=True).value
    'search'
    """
    if query_matched and (answers_query or history_length == 0):
        return Source.SEARCH
    if history_length >= PERSONAL_FROM:
        return Source.PERSONAL
    return Source.SESSION if history_length else Source.TRENDING
