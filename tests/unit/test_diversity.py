"""Maximal marginal relevance against its definition."""

from __future__ import annotations

import numpy as np
import pytest

from operators.kernels.array_types import FloatArray, IntArray
from operators.ranking.diversity import maximal_marginal_relevance
from schemas.records import CatalogItem
from tests.learning_support import Run, text_cosines


def chosen(run: Run, items: IntArray, scores: FloatArray, limit: int, share: float) -> list[int]:
    """The items in their new order, and that places and scores are those of the items."""
    found, of, places = maximal_marginal_relevance(items, scores, limit, share, run.index.text.arrays())
    assert items[places].tolist() == found.tolist() and scores[places].tolist() == of.tolist()
    ids: list[int] = found.tolist()
    return ids


def test_maximal_marginal_relevance_by_hand() -> None:
    """(1 - λ) score / best - λ nearest: twins of the first are passed over until nothing else is left."""
    run = Run()
    for n, title in enumerate(("Lamp", "Lamp", "Lamp", "Oolong", "Apollo")):
        run.index.set_catalog(CatalogItem(f"i{n}", title))
    items, scores = np.arange(5, dtype=np.int32), np.array([1.0, 0.9, 0.8, 0.5, 0.3], np.float32)
    # after i0: i1 .45 - .5, i2 .4 - .5, i3 .25, i4 .15
    assert chosen(run, items, scores, 5, 0.5) == [0, 3, 4, 1, 2]
    assert chosen(run, items, scores, 2, 0.5) == [0, 3]
    assert chosen(run, items, scores, 5, 0.0) == [0, 1, 2, 3, 4]
    # .9 * .5 = .45 of i3 against .81 - .1 of i1: a little weight changes little
    assert chosen(run, items, scores, 5, 0.1) == [0, 1, 2, 3, 4]
    places = maximal_marginal_relevance(items, scores, 5, 0.5, run.index.text.arrays(), 3)[2]
    assert places.tolist() == [0, 1, 2, 3, 4], "what is fixed stays in front"
    places = maximal_marginal_relevance(items, scores, 5, 0.5, run.index.text.arrays(), 2)[2]
    assert places.tolist() == [0, 1, 3, 4, 2], "and diversity begins behind it"
    assert chosen(run, items[::-1].copy(), scores[::-1].copy(), 5, 0.5) == [0, 3, 4, 1, 2], (
        "in whatever order they come"
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_lazy_choice_is_the_greedy_one(share: float) -> None:
    """Random titles of few words, so that many are alike, and scores with ties."""
    rng, run = np.random.default_rng(12), Run()
    words = ["tea", "lamp", "moon", "chair", "river", "clock", "stone", "bread"]
    for n in range(60):
        title = " ".join(rng.choice(words, rng.integers(1, 4), replace=False))
        run.index.set_catalog(CatalogItem(f"i{n}", title))
    text = run.index.text
    for _ in range(20):
        items = rng.permutation(60)[:40].astype(np.int32)
        scores = rng.integers(1, 12, 40).astype(np.float32)
        order = np.lexsort((items, -scores))
        items, scores = items[order], scores[order]
        greedy: list[int] = []
        nearest = np.zeros(40, np.float32)
        for _ in range(20):
            value = (1.0 - share) * scores.astype(float) / float(scores[0]) - share * nearest.astype(float)
            value[greedy] = -np.inf
            best = int(np.argmax(value))
            greedy.append(best)
            nearest = np.maximum(nearest, text_cosines(text, int(items[best]), items))
        assert chosen(run, items, scores, 20, share) == items[greedy].tolist()
