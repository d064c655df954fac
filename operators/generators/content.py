"""Content: titles and categories like those of the user's last items.

score_j = cosine of j's TF-IDF vector with Σ_r decay^r of the unit vectors of the user's last items. It names no anchor:
reasons find it, as it must share a category.

Reference: Pazzani and Billsus, "Content-based recommendation systems" (2007).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.text_match import match_text
from operators.text.cosines import profile

SCANNED = 2_000
"""Postings looked at a list, rarest tokens first. On ML-100k the lists of all generators are as good as with 4,000 (recall@20 .279)."""


@njit(cache=True, nogil=True)
def content(history, decay, text, gate, found, place):  # type: ignore[no-untyped-def]
    """The items nearest by text to the items of `history`, newest first."""
    weights = np.empty(len(history), np.float32)
    for rank in range(len(history)):
        weights[rank] = decay**rank
    tokens, values = profile(history, weights, text)
    match_text(tokens, values, text, min(SCANNED, text.budget), gate, found, place)
