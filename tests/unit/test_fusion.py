"""The equal-weight sum of normalised scores."""

from __future__ import annotations

import numpy as np
import pytest

from operators.generators.base import Found
from operators.generators.registry import GENERATORS
from operators.ranking.fusion import CandidateTable, EqualWeightFusion, FusedScores, FusionContext, unite

GENERATOR = {generator.name: generator for generator in GENERATORS}


def candidates(*pairs: tuple[int, float]) -> tuple[tuple[int, float], ...]:
    return pairs


def fuse(
    query_weight: float = 0.0, repeat_rate: float = 0.0, answers: bool = False, **lists: tuple[tuple[int, float], ...]
) -> dict[int, tuple[float, dict[str, float]]]:
    names, found = tuple(lists), Found.of_size(len(lists), 10)
    for place, pairs in enumerate(lists.values()):
        found.counts[place] = len(pairs)
        found.items[place, : len(pairs)] = [item for item, _ in pairs]
        found.scores[place, : len(pairs)] = [score for _, score in pairs]
        found.anchors[place, : len(pairs)] = -1
    table, fused = CandidateTable.of_size(100, len(names)), FusedScores.of_size(100, len(names))
    rows = unite(found, np.full(100, -1, np.int32), table)
    table, fused = table.head(rows), fused.head(rows)
    EqualWeightFusion().fuse(
        [GENERATOR[name] for name in names], table, FusionContext(3, repeat_rate, query_weight, answers), fused
    )
    listed = zip(table.items.tolist(), fused.scores.tolist(), fused.contributions.tolist(), strict=True)
    return {item: (score, dict(zip(names, shares, strict=True))) for item, score, shares in listed}


def test_items_that_several_name_come_first_and_scales_do_not_matter() -> None:
    fused = fuse(item_knn=candidates((1, 0.9), (2, 0.8)), trending=candidates((3, 5_000.0), (2, 4_000.0)))
    assert max(fused, key=lambda item: fused[item][0]) == 2
    assert fused[1][0] == pytest.approx(fused[3][0]) == pytest.approx(1.0)
    assert sum(fused[2][1].values()) == pytest.approx(1.0)


def test_a_search_is_answered_by_its_matches() -> None:
    lists = {name: candidates((1, 1.0)) for name in ("trending", "item_knn", "transitions", "content")}
    assert fuse(0.0, query_match=candidates((2, 0.5)), **lists)[2][0] < 2.0
    fused = fuse(1.0, query_match=candidates((2, 0.5)), **lists)
    assert fused[2][0] > fused[1][0]


def test_an_answer_to_a_search_is_in_the_order_of_its_matches() -> None:
    """However many voices speak for the last of them, or for something else; between equal matches they decide."""
    lists = {name: candidates((4, 1.0), (9, 0.9)) for name in ("trending", "item_knn", "transitions", "content")}
    matches = candidates((2, 0.9), (3, 0.5), (4, 0.5), (5, 0.4999))
    fused = fuse(1.0, answers=True, repeat=candidates((5, 1.0)), query_match=matches, repeat_rate=1.0, **lists)
    assert sorted(fused, key=lambda item: -fused[item][0]) == [2, 4, 3, 5, 9]
    assert all(max(fused[item][1].items(), key=lambda share: share[1])[0] == "query_match" for item in (2, 3, 4, 5))


def test_what_a_user_comes_back_to_counts_as_much_as_they_do() -> None:
    """One voice speaks for it against four for something new."""
    lists = {name: candidates((1, 1.0)) for name in ("trending", "item_knn", "transitions", "content")}
    for rate, first in ((0.0, 1), (0.1, 1), (0.9, 2)):
        fused = fuse(repeat_rate=rate, repeat=candidates((2, 1.0)), **lists)
        assert max(fused, key=lambda item: fused[item][0]) == first
        assert fused[2][1]["repeat"] == 1.0
