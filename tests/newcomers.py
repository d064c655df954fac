"""Newcomers: the newest items that somebody has touched already."""

from __future__ import annotations

from typing import NamedTuple

from numba import njit

from operators.generators.eligibility import fresh_for_user
from operators.generators.generator import Generator
from operators.generators.select import name_nothing
from schemas.recommendation import ReasonKind


class Tuning(NamedTuple):
    """`looked_at`: items, from the newest on."""

    looked_at: int = 1_000


@njit(cache=True, nogil=True)
def newcomers(view, tuning, place):  # type: ignore[no-untyped-def]
    """Items by the time of their first sight, the last first."""
    found, kept = view.found, 0
    for item in range(view.size - 1, max(-1, view.size - 1 - tuning.looked_at), -1):
        if kept == found.items.shape[1]:
            break
        if view.rows.interactions[item] > 0.0 and fresh_for_user(view.gate, item):
            found.items[place, kept], found.scores[place, kept] = item, 1.0 / (1 + kept)
            kept += 1
    name_nothing(found, place, kept)  # it owes them to no item of the user's history


GENERATOR = Generator("newcomers", ReasonKind.NEW, newcomers, Tuning())
