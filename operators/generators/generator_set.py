"""Several generators, asked together."""

from __future__ import annotations

from collections.abc import Sequence

from numba import njit

from operators.generators.base import UserArrays
from operators.generators.chain import Find, Tunings, chain, find_by
from operators.generators.generator import Generator, Voice
from operators.generators.registry import GENERATORS
from operators.generators.view import View, begin, end


class GeneratorSet:
    """Generators in the order of their rows in `Found`: those with a voice as they came, then those without.

    Raises `ValueError` where two have the same name.
    """

    def __init__(self, generators: Sequence[Generator]) -> None:
        self.all = _in_order(generators)
        self.names = tuple(generator.name for generator in self.all)
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"generators need names that differ, not {', '.join(self.names)}")
        self.voiced = tuple(generator for generator in self.all if generator.voice is not Voice.NONE)
        self._tunings = Tunings(tuple(generator.tuning for generator in self.all))
        self._find = _compiled(self.all)

    def find(self, view: View, user: UserArrays, size: int, described: bool, *, all_of_them: bool) -> int:
        """Fill the rows of `view.found` with items that the user may get; returns the length of the user's history.

        The cut to the room of `found` is made after the gate, never before. `size`: items known; `described`: whether any has
        a text, so there is a catalogue; `all_of_them`: also those without a voice.
        """
        asked = len(self.all) if all_of_them else len(self.voiced)
        return self._find(view, user, size, described, asked, self._tunings)


def _in_order(generators: Sequence[Generator]) -> tuple[Generator, ...]:
    return tuple(sorted(generators, key=lambda generator: generator.voice is Voice.NONE))


def _compiled(generators: Sequence[Generator]) -> Find:
    kernels = tuple(generator.kernel for generator in generators)
    return _find if kernels == _KERNELS else find_by(kernels)


_KERNELS = tuple(generator.kernel for generator in _in_order(GENERATORS))
_ask = chain(_KERNELS)


@njit(cache=True, nogil=True)
def _find(view, user, size, described, asked, tunings):  # type: ignore[no-untyped-def]
    """`chain.find_by` of the registry's kernels, which numba can keep for the next process as it is no closure."""
    begin(view, user, size, described)
    _ask(view, tunings, asked)
    return end(view)
