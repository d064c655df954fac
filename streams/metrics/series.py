"""The values behind the metrics: counter, gauge, age and histogram series.

A series is a plain object that frequently run code holds and adds to: no lock, no label lookup. Each series is written
by one thread (the event loop's, or the one that does the work). The HTTP thread may read at any time and sees a value
that is at most one addition old, because every write sets a single attribute or list element.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

Sample = tuple[str, dict[str, str], float]  # suffix of the name, further labels, value
Clock = Callable[[], float]


class Series(ABC):
    """One time series (a histogram: one family of buckets)."""

    __slots__ = ()
    kind: ClassVar[str]
    starts_at_zero: ClassVar[bool]  # exported from the first scrape on, so that increase() sees the first event

    @abstractmethod
    def samples(self) -> Iterator[Sample]:
        """What a scrape sees now; nothing while there is no figure."""


class Counter(Series):
    """A total that only grows."""

    __slots__ = ("value",)
    kind = "counter"
    starts_at_zero = True

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, count: float = 1) -> None:
        """Add ``count`` (0 or more); raises ``ValueError`` on a negative one, which would read as a restart."""
        if count < 0:
            raise ValueError(f"a counter cannot fall: {count}")
        self.value += count

    def samples(self) -> Iterator[Sample]:
        yield "_total", {}, self.value


class LateCounter(Counter):
    """A counter with too many label values to show all from the start: a series appears with its first addition."""

    __slots__ = ()
    starts_at_zero = False


class Gauge(Series):
    """A figure that goes up and down; absent until it has been set and after ``set(None)``."""

    __slots__ = ("value",)
    kind = "gauge"
    starts_at_zero = False

    def __init__(self) -> None:
        self.value: float | None = None

    def set(self, value: float | None) -> None:
        """Set the figure; with ``None`` or a value that is not finite there is none (never a NaN)."""
        self.value = value if value is not None and math.isfinite(value) else None

    def samples(self) -> Iterator[Sample]:
        if self.value is not None:
            yield "", {}, float(self.value)


class Age(Series):
    """Seconds since the last ``touch``, counted when scraped: it keeps growing while the event loop is blocked."""

    __slots__ = ("_clock", "touched")
    kind = "gauge"
    starts_at_zero = False

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self.touched: float | None = None

    def touch(self, at: float | None = None) -> None:
        """Now, or at a time of the clock (monotonic)."""
        self.touched = self._clock() if at is None else at

    def samples(self) -> Iterator[Sample]:
        touched = self.touched
        if touched is not None:
            yield "", {}, max(0.0, self._clock() - touched)


class Histogram(Series):
    """Counts by upper bound. Bounds ascend; what is above the last one is counted under ``+Inf``."""

    __slots__ = ("_bounds", "counts", "total")
    kind = "histogram"
    starts_at_zero = True

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(float(bound) for bound in bounds)
        self.counts = [0] * (len(self._bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, count: int = 1) -> None:
        """Count ``value`` ``count`` times. A negative one (two clocks that disagree) counts as 0."""
        if value < 0.0:
            value = 0.0
        self.counts[bisect_left(self._bounds, value)] += count
        self.total += value * count

    @contextmanager
    def time(self) -> Iterator[None]:
        """Count the seconds that the body takes, also when it raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - started)

    def samples(self) -> Iterator[Sample]:
        counts, running = self.counts.copy(), 0
        for bound, count in zip((*self._bounds, math.inf), counts, strict=True):
            running += count
            yield "_bucket", {"le": "+Inf" if bound == math.inf else repr(bound)}, float(running)
        yield "_count", {}, float(running)
        yield "_sum", {}, self.total
