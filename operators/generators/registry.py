"""The candidate generators in use. A new one is a file in this folder and a line here."""

from __future__ import annotations

from numba import njit

from operators.generators import (
    co_purchase,
    content,
    item_knn,
    matrix_factorization,
    popularity,
    query_match,
    repeat,
    transitions,
    trending,
)
from operators.generators.chain import chain
from operators.generators.generator import Generator, voiced_first
from operators.generators.view import begin, end

GENERATORS: tuple[Generator, ...] = (
    trending.GENERATOR,
    item_knn.GENERATOR,
    transitions.GENERATOR,
    co_purchase.GENERATOR,
    repeat.GENERATOR,
    content.GENERATOR,
    query_match.GENERATOR,
    matrix_factorization.GENERATOR,
    popularity.GENERATOR,
)
"""In the order in which candidates are united."""

KERNELS = tuple(generator.kernel for generator in voiced_first(GENERATORS))
_ask = chain(KERNELS)


@njit(cache=True, nogil=True)
def find_registered(view, user, size, described, asked, tunings):  # type: ignore[no-untyped-def]
    """`chain.find_by` of these kernels, which numba can keep for the next process as it is no closure.

    It stands in one file with the tuple: compiled code is kept by the sources of the files that have kernels.
    """
    begin(view, user, size, described)
    _ask(view, tunings, asked)
    return end(view)
