"""Counters, gauges, ages and histograms by themselves."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.metrics.definitions import LATENCY_SECONDS
from streams.metrics.registry import Registry
from streams.metrics.series import Age, Counter, Gauge, Histogram

BOUNDS = (0.001, 0.01, 0.1, 1.0)


def buckets(histogram: Histogram) -> dict[str, float]:
    return {labels["le"]: value for suffix, labels, value in histogram.samples() if suffix == "_bucket"}


def quantile(histogram: Histogram, q: float) -> float:
    """As Prometheus computes it: linear within the bucket."""
    found = [(float(le), count) for le, count in buckets(histogram).items()]
    rank, low, below = q * found[-1][1], 0.0, 0.0
    for bound, count in found:
        if count >= rank:
            return low if bound == math.inf else low + (bound - low) * (rank - below) / (count - below)
        low, below = bound, count
    raise AssertionError


def test_a_counter_refuses_to_fall() -> None:
    counter = Counter()
    counter.add(2)
    with pytest.raises(ValueError, match="cannot fall"):
        counter.add(-1)
    assert counter.value == 2


def test_a_gauge_without_a_figure_has_no_sample() -> None:
    gauge = Gauge()
    assert list(gauge.samples()) == []
    gauge.set(0)
    assert list(gauge.samples()) == [("", {}, 0.0)]
    for nothing in (None, math.nan, math.inf):
        gauge.set(nothing)
        assert list(gauge.samples()) == []


def test_an_age_grows_by_itself() -> None:
    now = [100.0]
    age = Age(lambda: now[0])
    assert list(age.samples()) == []
    age.touch()
    now[0] += 7.5
    assert list(age.samples()) == [("", {}, 7.5)]


def test_a_value_on_a_bound_belongs_to_its_bucket() -> None:
    histogram = Histogram(BOUNDS)
    histogram.observe(0.01)
    assert buckets(histogram) == {"0.001": 0, "0.01": 1, "0.1": 1, "1.0": 1, "+Inf": 1}


def test_a_negative_duration_counts_as_zero() -> None:
    histogram = Histogram(BOUNDS)
    histogram.observe(-5.0)
    histogram.observe(-1.0)
    histogram.observe(0.5)
    assert histogram.total == 0.5
    assert buckets(histogram)["0.001"] == 2


@given(st.integers(0, 2**32), st.floats(0.002, 20.0))
def test_the_median_is_read_within_thirty_percent(seed: int, median: float) -> None:
    values = np.random.default_rng(seed).lognormal(math.log(median), 0.4, 2000)
    histogram = Histogram(LATENCY_SECONDS)
    for value in values.tolist():
        histogram.observe(value)
    assert quantile(histogram, 0.5) == pytest.approx(float(np.median(values)), rel=0.3)


def test_a_body_that_raises_is_timed_too() -> None:
    histogram = Histogram(BOUNDS)
    with pytest.raises(KeyError), histogram.time():
        raise KeyError("x")
    assert sum(histogram.counts) == 1


def test_scrapes_during_writes_see_whole_histograms() -> None:
    registry = Registry()
    histogram = registry.declare(
        Histogram, "headwater_test_seconds", unit="seconds", meaning="m", remedy="r", bounds=BOUNDS
    )
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            histogram.of().observe(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        last = 0.0
        for _ in range(200):
            samples = {s.name + s.labels.get("le", ""): s.value for m in registry.collect() for s in m.samples}
            assert samples["headwater_test_seconds_bucket+Inf"] == samples["headwater_test_seconds_count"] >= last
            last = samples["headwater_test_seconds_count"]
    finally:
        stop.set()
        writer.join()


def test_a_metric_is_declared_once() -> None:
    registry = Registry()
    registry.declare(Counter, "headwater_a_total", unit="1", meaning="m", remedy="r")
    with pytest.raises(ValueError, match="twice"):
        registry.declare(Gauge, "headwater_a_total", unit="1", meaning="m", remedy="r")
