"""All arrays that a ranking reads and writes, as one argument of kernels.

numba takes some 0.2 µs for each array that goes into a call, and a ranking needs ninety. A structure of numba's own is one
pointer, whatever is in it; it is made anew when an array was replaced, which is rare.
Reference: numba's documentation, "Extending: mutable structs" (`numba.experimental.structref`).
"""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.experimental import structref

from operators.generators.base import Found, Tuning, Workspace
from operators.generators.top_lists import TopArrays
from operators.ranking.fusion import CandidateTable, FusedScores
from operators.ranking.listing import Listing, ListRules
from operators.state.item_columns import ItemArrays
from operators.text.cosines import TextArrays


@structref.register
class _RankingArraysType(types.StructRef):  # type: ignore[misc]
    pass


class RankingArrays(structref.StructRefProxy):  # type: ignore[misc]
    """Fields as in `__new__`, to be read in kernels only. Holds the arrays, not copies of them."""

    def __new__(
        cls, rows: ItemArrays, text: TextArrays, top: TopArrays, scratch: Workspace, tuning: Tuning, found: Found,
        table: CandidateTable, fused: FusedScores, rules: ListRules, listing: Listing,
    ) -> Any:  # fmt: skip
        return _made(rows, text, top, scratch, tuning, found, table, fused, rules, listing)


structref.define_proxy(
    RankingArrays, _RankingArraysType,
    ["rows", "text", "top", "scratch", "tuning", "found", "table", "fused", "rules", "listing"],
)  # fmt: skip


@njit(cache=True)
def _made(rows, text, top, scratch, tuning, found, table, fused, rules, listing):  # type: ignore[no-untyped-def]
    return RankingArrays(rows, text, top, scratch, tuning, found, table, fused, rules, listing)
