"""Content: titles and categories like those of the user's last items.

score_j = cosine of j's TF-IDF vector with the sum of the unit vectors of the user's last items, the r-th of them times
decay^r. It names no anchor: reasons find one, as it must share a category.

Reference: Pazzani and Billsus, "Content-based recommendation systems" (2007).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from operators.generators.generator import Generator
from operators.generators.text_match import match_text
from operators.text.cosines import profile
from schemas.recommendation import ReasonKind


class Tuning(NamedTuple):
    """`history`: last distinct items whose texts are added up, the r-th of them times `decay` ** r.

    `postings`: looked at for a list at most, rarest tokens first.
    """

    history: int = 5
    decay: float = 0.7
    postings: int = 2_000


@njit(cache=True, nogil=True)
def content(view, tuning, place):  # type: ignore[no-untyped-def]
    """The items nearest by text to the last items of the history."""
    if not view.described:
        return
    text, history = view.text, view.history[: tuning.history]
    weights = np.empty(len(history), np.float32)
    for rank in range(len(history)):
        weights[rank] = tuning.decay**rank
    tokens, values = profile(history, weights, text)
    match_text(tokens, values, min(tuning.postings, text.budget), view, place)


GENERATOR = Generator("content", ReasonKind.SAME_GENRE, content, Tuning())
