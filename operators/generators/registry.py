"""The generators in use. A new one is a file in this folder, a line here, and a case in the shared test suite."""

from __future__ import annotations

from operators.generators.base import Generator
from operators.generators.content import Content
from operators.generators.item_knn import ItemKnn
from operators.generators.matrix_factorization import MatrixFactorization
from operators.generators.popularity import Popularity
from operators.generators.query_match import QueryMatch
from operators.generators.repeat import Repeat
from operators.generators.transitions import Transitions
from operators.generators.trending import Trending


def default_generators() -> tuple[Generator, ...]:
    """All generators, in the order in which their candidates are united."""
    return (
        Popularity(), Trending(), ItemKnn(), Transitions(), Repeat(), Content(), QueryMatch(),
        MatrixFactorization(),
    )  # fmt: skip
