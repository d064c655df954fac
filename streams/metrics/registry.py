"""Typed declaration of metrics, and their exposition through a ``prometheus_client`` registry of their own.

A metric is declared once (``Registry.declare``): its name, type, unit, labels with their closed sets of values, meaning
and remedy. A name or a label value that does not exist fails the type check where it is used: families are attributes
and label values are members of enumerations.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, TypeVarTuple, overload

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from streams.metrics.series import Histogram, Series

S = TypeVar("S", bound=Series)
A = TypeVar("A")
B = TypeVar("B")
Values = TypeVarTuple("Values")


@dataclass(frozen=True, slots=True)
class Label(Generic[A]):
    """A label and every value that it can have; ``text`` converts a value for Prometheus."""

    name: str
    values: Sequence[A]
    text: Callable[[A], str] = str


@dataclass(frozen=True, slots=True)
class Definition:
    """Declaration of a metric; the docs are generated from these."""

    name: str
    kind: str
    unit: str
    meaning: str
    remedy: str
    labels: tuple[Label[Any], ...] = ()
    bounds: tuple[float, ...] = ()
    starts_at_zero: bool = False

    @property
    def series(self) -> int:
        """The most time series that it can have, buckets counted."""
        combinations = 1
        for label in self.labels:
            combinations *= len(label.values)
        return combinations * (len(self.bounds) + 3 if self.kind == "histogram" else 1)


class Family(Generic[S, *Values]):
    """The series of one metric, by label values. In a loop, bind once (``of``) and add to the series."""

    def __init__(self, kind: type[S], definition: Definition) -> None:
        self.definition = definition
        self._kind = kind
        self._series: dict[tuple[str, ...], S] = {}
        self._bound: dict[tuple[Any, ...], S] = {}
        """The same by the values as they were given, so that their text is made only once."""
        if kind.starts_at_zero:
            for values in itertools.product(*(label.values for label in definition.labels)):
                self.of(*values)

    def of(self, *values: *Values) -> S:
        """The series of these label values; raises ``ValueError`` for a value outside its closed set."""
        found = self._bound.get(values)
        return found if found is not None else self._bind(values)

    def drop(self, *values: *Values) -> None:
        """Remove a series, if it exists (of a partition that was given up, say)."""
        self._bound.pop(values, None)
        self._series.pop(self._key(values), None)

    def all(self) -> list[tuple[tuple[str, ...], S]]:
        """Every series so far, with its label values as text."""
        return list(self._series.items())

    def _key(self, values: Sequence[Any]) -> tuple[str, ...]:
        return tuple([label.text(value) for label, value in zip(self.definition.labels, values, strict=True)])

    def _bind(self, values: tuple[Any, ...]) -> S:
        key = self._key(values)
        for label, value in zip(self.definition.labels, values, strict=True):
            if value not in label.values:
                raise ValueError(f"{self.definition.name}: this {label.name} is not in its closed set of values")
        if key not in self._series:
            self._series[key] = self._new_series()
        found = self._bound[values] = self._series[key]
        return found

    def _new_series(self) -> S:
        return self._kind(self.definition.bounds) if self._kind is Histogram else self._kind()  # type: ignore[call-arg]


@dataclass(slots=True, eq=False)
class Registry(Collector):
    """All metrics of one worker, collected by its own ``CollectorRegistry`` (``exposition``)."""

    families: list[Family[Any, *tuple[Any, ...]]] = field(default_factory=list)
    exposition: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.exposition.register(self)

    @property
    def definitions(self) -> list[Definition]:
        return [family.definition for family in self.families]

    @overload
    def declare(
        self, kind: type[S], name: str, /, *, unit: str, meaning: str, remedy: str, bounds: Sequence[float] = ()
    ) -> Family[S]: ...

    @overload
    def declare(
        self, kind: type[S], name: str, a: Label[A], /, *,
        unit: str, meaning: str, remedy: str, bounds: Sequence[float] = (),
    ) -> Family[S, A]: ...  # fmt: skip

    @overload
    def declare(
        self, kind: type[S], name: str, a: Label[A], b: Label[B], /, *,
        unit: str, meaning: str, remedy: str, bounds: Sequence[float] = (),
    ) -> Family[S, A, B]: ...  # fmt: skip

    def declare(
        self, kind: type[S], name: str, /, *labels: Label[Any],
        unit: str, meaning: str, remedy: str, bounds: Sequence[float] = (),
    ) -> Any:  # fmt: skip
        """Declare a metric; one without labels has one series, ``of()``. Raises ``ValueError`` for a name in use."""
        if any(name == known.name for known in self.definitions):
            raise ValueError(f"{name} is declared twice")
        definition = Definition(
            name, kind.kind, unit, meaning, remedy, labels, tuple(bounds), starts_at_zero=kind.starts_at_zero
        )
        family: Family[S, *tuple[Any, ...]] = Family(kind, definition)
        self.families.append(family)
        return family

    def describe(self) -> list[Metric]:
        """Nothing: ``CollectorRegistry`` would check names with it, which ``declare`` does."""
        return []

    def collect(self) -> Iterator[Metric]:
        for family in self.families:
            definition = family.definition
            name = definition.name.removesuffix("_total")
            metric = Metric(name, definition.meaning, definition.kind)
            names = [label.name for label in definition.labels]
            for values, series in family.all():
                labels = dict(zip(names, values, strict=True))
                for suffix, further, value in series.samples():
                    metric.add_sample(name + suffix, labels | further, value)
            yield metric

    def value(self, sample: str, **labels: str) -> float | None:
        """What a scrape would show for one sample; None while it is absent."""
        return self.exposition.get_sample_value(sample, labels)
