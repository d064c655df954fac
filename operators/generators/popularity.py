"""Plain popularity: how often an item was interacted with, ever."""

from __future__ import annotations

from operators.generators.base import Candidates, UserView
from operators.generators.walk import walk_list


class Popularity:
    """score_i = number of positive interactions with i. The baseline of every comparison."""

    name = "popularity"

    def generate(self, view: UserView, limit: int) -> Candidates:
        """The most popular items that the user has not consumed."""
        return walk_list(view.top.popular, view.top.popular_scores, view.gate, limit)
