"""The candidate generators in use. A new one is a file in this folder and a line here."""

from __future__ import annotations

from operators.generators import (
    content,
    item_knn,
    matrix_factorization,
    popularity,
    query_match,
    repeat,
    transitions,
    trending,
)
from operators.generators.generator import Generator

GENERATORS: tuple[Generator, ...] = (
    trending.GENERATOR,
    item_knn.GENERATOR,
    transitions.GENERATOR,
    repeat.GENERATOR,
    content.GENERATOR,
    query_match.GENERATOR,
    matrix_factorization.GENERATOR,
    popularity.GENERATOR,
)
"""In the order in which candidates are united."""
