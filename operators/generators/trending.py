"""Trending: popularity that forgets."""

from __future__ import annotations

from operators.generators.base import Candidates, UserView
from operators.generators.walk import walk_list


class Trending:
    """score_i = Σ_e w_e 2^-((now - t_e) / half_life); `operators.learning.popularity` keeps the masses."""

    name = "trending"

    def generate(self, view: UserView, limit: int) -> Candidates:
        """The items with the largest decayed mass that the user has not consumed."""
        return walk_list(view.top.trending, view.top.trending_scores, view.gate, limit)
