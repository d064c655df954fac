"""What a candidate generator is: a kernel with its numbers, a name, a reason, and what its voice speaks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from schemas.recommendation import ReasonKind

Kernel: TypeAlias = Callable[..., None]
"""Compiled `kernel(view, tuning, place)`: fills row `place` of `view.found` (`base.Found`), which is empty before.

It leaves all else of the `view.View` as it was. `tuning` is that of its `Generator`."""


class NoTuning(NamedTuple):
    """Of a generator without numbers."""


NO_TUNING = NoTuning()


class Voice(Enum):
    """What a generator's voice in the fusion speaks for."""

    NONE = auto()
    """It has none: the generator is asked for comparison only."""
    TASTE = auto()
    """What the user may like: as loud as the others."""
    QUERY = auto()
    """What the user searched for: louder, the fresher the search is."""
    REPEATS = auto()
    """What the user had before: louder, the more the user repeats. No other voice may return consumed items."""


@dataclass(frozen=True, slots=True)
class Generator:
    """A source of candidates. It holds no state of users and draws no random numbers.

    - `name`: key in `contributions` and in the evaluation's table
    - `reason`: what its contribution is called where it is the largest, None for one that explains nothing;
      `ranking.reasons` has the conditions
    - `tuning`: its own numbers (integers, floats or arrays), a named tuple declared beside the kernel
    - `voice`: what it speaks for in the fusion
    """

    name: str
    reason: ReasonKind | None
    kernel: Kernel
    tuning: NamedTuple = NO_TUNING
    voice: Voice = Voice.TASTE

    def tuned(self, **numbers: float) -> Generator:
        """The same generator with other numbers.

        They get the types of those that it has, as numba would compile anew for others. Raises `ValueError` for a
        number that it does not have.

        >>> from operators.generators import item_knn
        >>> item_knn.GENERATOR.tuned(decay=1).tuning
        Tuning(history=12, decay=1.0)
        """
        present = self.tuning._asdict()
        cast = {name: type(present.get(name, number))(number) for name, number in numbers.items()}
        return replace(self, tuning=self.tuning._replace(**cast))


def voiced_first(generators: Iterable[Generator]) -> tuple[Generator, ...]:
    """Those with a voice as they come, then those without."""
    return tuple(sorted(generators, key=lambda generator: generator.voice is Voice.NONE))


def places(generators: Sequence[Generator], voice: Voice) -> list[int]:
    """Where the generators with this voice stand among the others."""
    return [place for place, generator in enumerate(generators) if generator.voice is voice]
