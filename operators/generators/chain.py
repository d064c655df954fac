"""Kernels of generators as one call of compiled code: a call from Python costs more than most of the work in it.

Each function wraps the one before, and numba inlines them all, so that the result is as if written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias

from numba import njit, types
from numba.experimental import structref

from operators.generators.generator import Kernel
from operators.generators.view import begin, end

Find: TypeAlias = Callable[..., int]
"""`find(view, user, size, described, asked, tunings)`: fills the first `asked` rows of `view.found` for the user.

It returns the length of the user's history. `tunings`: `Tunings`."""


@structref.register
class _TuningsType(types.StructRef):  # type: ignore[misc]
    pass


class Tunings(structref.StructRefProxy):  # type: ignore[misc]
    """The tuning of each generator as one pointer: as an argument, the tuple would cost 3 µs a call.

    `kept`: whether compiled code for them may be kept for other processes. What is kept names the types of the tunings,
    so it could not be read where the module of somebody's own generator is missing.
    """

    def __new__(cls, each: tuple[tuple[object, ...], ...], *, kept: bool) -> Tunings:
        return (_kept if kept else _made)(each)  # type: ignore[no-any-return]


structref.define_proxy(Tunings, _TuningsType, ["each"])


@njit(cache=True)
def _kept(each):  # type: ignore[no-untyped-def]
    return Tunings(each)  # type: ignore[call-arg]


@njit
def _made(each):  # type: ignore[no-untyped-def]
    return Tunings(each)  # type: ignore[call-arg]


def chain(kernels: Iterable[Kernel]) -> Kernel:
    """A compiled `ask(view, tunings, asked)` that calls the first `asked` of the kernels, each with its own tuning."""
    ask: Kernel = _nobody
    for place, kernel in enumerate(kernels):
        ask = _then(ask, kernel, place)
    return ask


@njit(nogil=True, inline="always")
def _nobody(view, tunings, asked):  # type: ignore[no-untyped-def]
    pass


def _then(before: Kernel, kernel: Kernel, place: int) -> Kernel:
    @njit(nogil=True, inline="always")
    def both(view, tunings, asked):  # type: ignore[no-untyped-def]
        before(view, tunings, asked)
        if place < asked:
            kernel(view, tunings.each[place], place)

    return both  # type: ignore[no-any-return]


@lru_cache
def find_by(kernels: tuple[Kernel, ...]) -> Find:
    """`Find` of these kernels, compiled at its first call in each process.

    numba could keep it for the next process only if it were no closure, as that of the registry is none.
    """
    ask = chain(kernels)

    @njit(nogil=True)
    def find(view, user, size, described, asked, tunings):  # type: ignore[no-untyped-def]
        begin(view, user, size, described)
        ask(view, tunings, asked)
        return end(view)

    return find  # type: ignore[no-any-return]
