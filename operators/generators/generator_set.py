"""Several generators, asked together."""

from __future__ import annotations

from collections.abc import Sequence

from operators.generators.base import UserArrays
from operators.generators.chain import Tunings, find_by
from operators.generators.generator import Generator, Voice, voiced_first
from operators.generators.registry import KERNELS, find_registered
from operators.generators.view import View


class GeneratorSet:
    """Generators in the order of their rows in `Found`: those with a voice as they came, then those without.

    Raises `ValueError` where two have the same name.
    """

    def __init__(self, generators: Sequence[Generator]) -> None:
        self.all = voiced_first(generators)
        self.names = tuple(generator.name for generator in self.all)
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"generators need names that differ, not {', '.join(self.names)}")
        self.voiced = tuple(generator for generator in self.all if generator.voice is not Voice.NONE)
        kernels = tuple(generator.kernel for generator in self.all)
        registered = kernels == KERNELS
        self._tunings = Tunings(tuple(generator.tuning for generator in self.all), kept=registered)
        self._find = find_registered if registered else find_by(kernels)

    def find(self, view: View, user: UserArrays, size: int, described: bool, *, all_of_them: bool) -> int:
        """Fill the rows of `view.found` with items that the user may get; returns the length of the user's history.

        The cut to the room of `found` is made after the gate, never before. `size`: items known; `described`: whether
        any has a text, so there is a catalogue; `all_of_them`: also those without a voice.
        """
        asked = len(self.all) if all_of_them else len(self.voiced)
        return self._find(view, user, size, described, asked, self._tunings)
