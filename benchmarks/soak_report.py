"""What a soak found: samples, their trend, whether that is flat, and the plot in the terminal."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import plotext

WARM_SHARE = 0.25
"""Of the samples, at the beginning, that no trend counts."""
PLOT_WIDTH, PANEL_HEIGHT = 78, 9


@dataclass(frozen=True, slots=True)
class Sample:
    """The worker over some seconds."""

    seconds: float
    """Since the beginning."""
    memory_mib: float
    handles: int
    threads: int
    p50_ms: float
    p99_ms: float
    lag: int
    """Events that are not committed."""
    unanswered: int
    cpu_cores: float


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure that has to be flat: how much its trend may add from the first counted sample to the last."""

    name: str
    of: Callable[[Sample], float]
    share: float
    """Of its median."""
    least: float
    """That is always granted: what one sample differs from the next."""


BOUNDS = (
    Bound("memory, MiB", lambda sample: sample.memory_mib, 0.05, 8.0),
    Bound("file handles", lambda sample: sample.handles, 0.05, 8.0),
    Bound("threads", lambda sample: sample.threads, 0.02, 1.0),
    Bound("p50, ms", lambda sample: sample.p50_ms, 0.2, 0.5),
    Bound("p99, ms", lambda sample: sample.p99_ms, 0.3, 5.0),
    Bound("lag, events", lambda sample: sample.lag, 0.3, 500.0),
)


@dataclass(frozen=True, slots=True)
class Trend:
    """A figure over the counted samples."""

    bound: Bound
    median: float
    growth: float
    """What the trend adds from the first to the last."""

    @property
    def flat(self) -> bool:
        return self.growth <= max(self.bound.least, self.bound.share * self.median)

    def __str__(self) -> str:
        verdict = "flat" if self.flat else "GROWS"
        return f"{self.bound.name}: median {self.median:,.1f}, trend {self.growth:+,.2f}: {verdict}"


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """Of each figure over the last three quarters."""
    counted = samples[int(len(samples) * WARM_SHARE) :]
    times = [sample.seconds for sample in counted]
    return [trend(bound, times, [bound.of(sample) for sample in counted]) for bound in BOUNDS]


def trend(bound: Bound, times: Sequence[float], values: Sequence[float]) -> Trend:
    """By the median of the slopes between all pairs, which single outliers do not move (Theil and Sen)."""
    first, second = np.triu_indices(len(values), 1)
    x, y = np.asarray(times, float), np.asarray(values, float)
    slopes = (y[second] - y[first]) / (x[second] - x[first])
    slope = float(np.median(slopes)) if len(slopes) else 0.0
    return Trend(bound, float(np.median(y)), slope * (times[-1] - times[0]))


def plot(samples: Sequence[Sample]) -> str:
    """A panel a figure over the minutes."""
    minutes = [sample.seconds / 60 for sample in samples]
    return "\n".join(_panel(bound, minutes, [bound.of(sample) for sample in samples]) for bound in BOUNDS)


def _panel(bound: Bound, minutes: Sequence[float], values: Sequence[float]) -> str:
    figure = plotext.figure
    figure.clear()
    figure.plot_size(PLOT_WIDTH, PANEL_HEIGHT)
    figure.title(f"{bound.name}, over minutes")
    figure.ruler("y").lim(0, max(values) * 1.1 or 1.0)
    figure.draw(figure.signal(minutes, values).lines())
    text: str = figure.build().string(True)
    return text.rstrip("\n")


def write_csv(samples: Sequence[Sample], path: Path) -> None:
    """A line a sample."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Sample)])
        writer.writeheader()
        writer.writerows(map(asdict, samples))
