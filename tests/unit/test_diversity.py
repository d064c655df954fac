"""Maximal marginal relevance against its definition."""

from __future__ import annotations

import numpy as np

from operators.diversity import maximal_marginal_relevance
from schemas.records import CatalogItem
from tests.learning_support import Run


def test_maximal_marginal_relevance_by_hand() -> None:
    """(1 - λ) score / best - λ nearest: twins of the first are passed over until nothing else is left."""
    run = Run()
    for n, title in enumerate(("Lamp", "Lamp", "Lamp", "Oolong", "Apollo")):
        run.index.set_catalog(CatalogItem(f"i{n}", title))
    items, scores = np.arange(5, dtype=np.int32), np.array([1.0, 0.9, 0.8, 0.5, 0.3], np.float32)
    chosen = maximal_marginal_relevance(items, scores, 5, 0.5, run.index.text).tolist()
    # after i0: i1 .45 - .5, i2 .4 - .5, i3 .25, i4 .15
    assert chosen == [0, 3, 4, 1, 2]
    assert maximal_marginal_relevance(items, scores, 2, 0.5, run.index.text).tolist() == [0, 3]
    assert maximal_marginal_relevance(items, scores, 5, 0.0, run.index.text).tolist() == [0, 1, 2, 3, 4]
    # .9 * .5 = .45 of i3 against .81 - .1 of i1: a little weight changes little
    assert maximal_marginal_relevance(items, scores, 5, 0.1, run.index.text).tolist() == [0, 1, 2, 3, 4]
