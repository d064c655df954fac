"""Content: titles and categories like those of the user's last items."""

from __future__ import annotations

import numpy as np

from operators.generators.base import NO_CANDIDATES, Candidates, UserView
from operators.generators.text_match import match_text


class Content:
    """score_j = cosine of j's TF-IDF vector with Σ_r decay^r of the unit vectors of the user's last items.

    Reference: Pazzani and Billsus, "Content-based recommendation systems" (2007).
    """

    name = "content"

    def generate(self, view: UserView, limit: int) -> Candidates:
        """The nearest items by text; reasons find the anchor, as it must share a category."""
        p = view.parameters
        history = view.history[: p.content_history]
        if len(history) == 0 or view.index.text.documents == 0:
            return NO_CANDIDATES
        weights = (p.content_decay ** np.arange(len(history))).astype(np.float32)
        return match_text(view, view.index.text.profile_vector(history, weights), limit)
