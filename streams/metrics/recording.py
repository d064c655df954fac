"""A twin of the metrics for tests: behaves like the real one and remembers every call in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np

from streams.metrics.definitions import Metrics
from streams.metrics.registry import Definition, SeriesFactory
from streams.metrics.series import Age, Counter, Gauge, Histogram, Series

S = TypeVar("S", bound=Series)


@dataclass(frozen=True, slots=True)
class Call:
    """One write to a series: ``values`` holds what was added, set or observed."""

    metric: str
    labels: dict[str, str]
    values: tuple[float | None, ...]


class _Recorded:
    def __init__(self, log: list[Call], definition: Definition, labels: dict[str, str], *args: Any) -> None:
        super().__init__(*args)
        self._log, self._definition, self._labels = log, definition, labels

    def _record(self, *values: float | None) -> None:
        self._log.append(Call(self._definition.name, self._labels, values))


class _RecordedCounter(_Recorded, Counter):
    def add(self, count: float = 1) -> None:
        super().add(count)
        self._record(count)


class _RecordedGauge(_Recorded, Gauge):
    def set(self, value: float | None) -> None:
        super().set(value)
        self._record(value)


class _RecordedAge(_Recorded, Age):
    def touch(self, at: float | None = None) -> None:
        super().touch(at)
        self._record()


class _RecordedHistogram(_Recorded, Histogram):
    def observe(self, value: float, count: int = 1) -> None:
        super().observe(value, count)
        self._record(*[value] * count)

    def observe_many(self, values: Any) -> None:
        super().observe_many(values)
        self._record(*np.asarray(values, dtype=np.float64).tolist())


_TWINS: dict[type[Series], type[Any]] = {
    Counter: _RecordedCounter,
    Gauge: _RecordedGauge,
    Age: _RecordedAge,
    Histogram: _RecordedHistogram,
}


@dataclass(slots=True)
class _RecordingFactory(SeriesFactory):
    log: list[Call] = field(default_factory=list)

    def make(self, kind: type[S], definition: Definition, labels: dict[str, str]) -> S:
        bounds = (definition.bounds,) if kind is Histogram else ()
        return cast(S, _TWINS[kind](self.log, definition, labels, *bounds))


class RecordingMetrics(Metrics):
    """:class:`Metrics` whose ``calls`` are kept; ``registry.value`` reads it as a scrape would."""

    def __init__(self, namespace: str = "headwater") -> None:
        factory = _RecordingFactory()
        super().__init__(namespace, factory)
        factory.log.clear()
        self.calls = factory.log

    def of(self, metric: str) -> list[Call]:
        """The calls on one metric; raises ``ValueError`` for a name that is not declared."""
        if all(metric != definition.name for definition in self.registry.definitions):
            raise ValueError(f"{metric} is not a metric")
        return [call for call in self.calls if call.metric == metric]
