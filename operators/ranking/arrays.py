"""All arrays that a ranking reads and writes, as one argument of kernels."""

from __future__ import annotations

from numba import njit, types
from numba.experimental import structref

from operators.generators.view import View
from operators.ranking.fusion import CandidateTable, FusedScores
from operators.ranking.listing import Listing, ListRules


@structref.register
class _RankingArraysType(types.StructRef):  # type: ignore[misc]
    pass


class RankingArrays(structref.StructRefProxy):  # type: ignore[misc]
    """What the generators saw and found, and what becomes of it; as `generators.view.View`, and for the same reason.

    Fields as in `__new__`, to be read in kernels only.
    """

    def __new__(
        cls, user_view: View, table: CandidateTable, fused: FusedScores, rules: ListRules, listing: Listing
    ) -> RankingArrays:
        return _made(user_view, table, fused, rules, listing)  # type: ignore[no-any-return]


structref.define_proxy(RankingArrays, _RankingArraysType, ["user_view", "table", "fused", "rules", "listing"])


@njit(cache=True)
def _made(user_view, table, fused, rules, listing):  # type: ignore[no-untyped-def]
    return RankingArrays(user_view, table, fused, rules, listing)
