"""Every metric follows the conventions, and what a scrape sees is bounded."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.metrics import ComparedList, EventOutcome, Metrics, ModelHealth, known_topic
from streams.metrics import labels as closed
from streams.metrics.definitions import BATCH_RECORDS, LATENCY_SECONDS, WORK_SECONDS
from streams.metrics.registry import Family, Label
from streams.settings import Settings
from streams.topology import CLICK

METRICS = Metrics()
DEFINITIONS = METRICS.registry.definitions
LATE = {"headwater_missing_offsets_total"}
"""Counters of partitions: too many to be there from the start."""
SUFFIX = {"seconds": "_seconds", "bytes": "_bytes", "ratio": "_ratio", "bits": "_bits"}


def scrape(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = generate_latest(metrics.registry.exposition).decode()
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    found = {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples if s.name.startswith("headwater_")}
    assert len(found) == len([s for s in samples if s.name.startswith("headwater_")]), "a series is exported twice"
    return found


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.name)
def test_follows_the_naming_conventions(definition) -> None:
    assert re.fullmatch(r"headwater_[a-z][a-z_]*[a-z]", definition.name)
    assert definition.name.endswith("_total") == (definition.kind == "counter")
    stem = definition.name.removesuffix("_total")
    for unit, suffix in SUFFIX.items():
        assert stem.endswith(suffix) == (definition.unit == unit), f"{unit} and {suffix} belong together"
    assert "milli" not in definition.name
    for text in (definition.meaning, definition.remedy):
        assert text and text[-1] == "."


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.name)
def test_remedies_name_settings_that_exist(definition) -> None:
    for name in re.findall(r"HEADWATER_([A-Z_]+)", definition.meaning + definition.remedy):
        assert name.lower() in Settings.model_fields


def test_every_metric_is_fed_by_the_program() -> None:
    root = Path(__file__).parents[2] / "streams"
    code = "\n".join(path.read_text() for path in root.rglob("*.py"))
    families = {name for name, value in vars(METRICS).items() if isinstance(value, Family)}
    assert len(families) == len(DEFINITIONS) - 1, "build_info alone is no attribute"
    assert {name for name in families if not re.search(rf"\.{name}\.of\(", code)} == set()
    for enumeration in (EventOutcome, closed.Step, ModelHealth):
        members = {f"{enumeration.__name__}.{member.name}" for member in enumeration}
        assert {member for member in members if member not in code} == set()


def test_the_values_of_labels_are_what_dashboards_know() -> None:
    def texts(label: Label) -> set[str]:
        return {label.text(value) for value in label.values}

    assert texts(closed.STAGE) == {"profiles", "items", "narrator", "catalog"}
    assert texts(closed.TABLE) == {"users", "items", "catalog"}
    inputs = {f"events.{kind}.v1" for kind in ("click", "search", "purchase", "impression")} | {"catalog.items.v1"}
    assert texts(closed.TOPIC) == inputs
    assert texts(closed.READ_TOPIC) == inputs | {"item-updates.v1", "drafts.v1"}
    assert texts(closed.COMPARED_LIST) == {"hybrid", "popularity"}
    assert texts(closed.MODEL_HEALTH) == {"none", "loading", "ready", "restarting", "broken"}


def test_every_counter_of_the_closed_sets_is_there_with_zero_at_the_first_scrape() -> None:
    samples = scrape(Metrics())
    for definition in DEFINITIONS:
        if definition.kind == "gauge" or definition.name in LATE:
            continue
        expected = 1
        for label in definition.labels:
            expected *= len(label.values)
        name = definition.name + ("_count" if definition.kind == "histogram" else "")
        values = [value for (found, _), value in samples.items() if found == name]
        assert values == [0.0] * expected, definition.name
    for code in closed.RejectionCode:
        assert samples["headwater_dead_letters_total", (("reason", code.value), ("stage", "profiles"))] == 0.0


def test_windowed_figures_are_absent_until_they_exist_and_never_nan() -> None:
    metrics = Metrics()
    assert not any("recall" in name or "click_through" in name for name, _ in scrape(metrics))
    metrics.recall.of(ComparedList.HYBRID).set(0.25)
    assert metrics.registry.value("headwater_prequential_recall_ratio", model="hybrid") == 0.25
    metrics.recall.of(ComparedList.HYBRID).set(float("nan"))
    metrics.click_through.of().set(None)
    assert not any("recall" in name or "click_through" in name for name, _ in scrape(metrics))


def test_a_label_value_outside_its_closed_set_is_refused() -> None:
    metrics = Metrics()
    with pytest.raises(ValueError, match="closed set"):
        metrics.texts.of("user-17")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="closed set"):
        metrics.consumer_lag.of(CLICK, 1024)
    assert "user-17" not in generate_latest(metrics.registry.exposition).decode()


def test_a_refused_value_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ValueError) as refused:
        Metrics().texts.of("a query with a secret")  # type: ignore[arg-type]
    assert "secret" not in str(refused.value)


def test_unknown_topics_get_no_series() -> None:
    assert known_topic("headwater.events.click.v1", "headwater") is CLICK
    for n in range(1000):
        assert known_topic(f"headwater.events.wrong-{n}.v1", "headwater") is None
    assert known_topic("other.events.click.v1", "headwater") is None


def test_series_stay_under_their_bound_however_much_is_counted() -> None:
    metrics = Metrics()
    bound = metrics.series_bound(Settings(user_partitions=8, item_partitions=4))
    for definition, family in zip(DEFINITIONS, metrics.registry.families, strict=True):
        _use_every_series(family, definition)
    first = scrape(metrics)
    assert len(first) == bound
    for definition, family in zip(DEFINITIONS, metrics.registry.families, strict=True):
        _use_every_series(family, definition)
    assert scrape(metrics).keys() == first.keys()
    assert len(generate_latest(metrics.registry.exposition)) < 1_000_000


def _use_every_series(family, definition) -> None:
    for values in itertools.product(*(label.values for label in definition.labels if label is not closed.PARTITION)):
        partitions = [()]
        if closed.PARTITION in definition.labels:
            partitions = [(n,) for n in range(8 if values[0].keyed_by == "user" else 4)]
        for partition in partitions:
            series = family.of(*values, *partition)
            write = next(getattr(series, verb) for verb in ("add", "set", "touch", "observe") if hasattr(series, verb))
            write(*(() if hasattr(series, "touch") else (1,)))


@pytest.mark.parametrize("bounds", [LATENCY_SECONDS, WORK_SECONDS, BATCH_RECORDS])
def test_buckets_ascend(bounds) -> None:
    assert list(bounds) == sorted(set(bounds))


@pytest.mark.parametrize("bounds", [LATENCY_SECONDS, WORK_SECONDS])
def test_seconds_buckets_resolve_a_millisecond_to_a_minute(bounds) -> None:
    assert min(bounds) <= 0.001 and 60.0 in bounds
    inside = [b for b in bounds if 0.001 <= b <= 60]
    worst = max(b / a for a, b in itertools.pairwise(inside))
    assert worst <= (1.6 if bounds is LATENCY_SECONDS else 3.0)


def test_the_model_is_in_one_state() -> None:
    metrics = Metrics()
    for state in ModelHealth:
        metrics.show_model_state(state)
        shown = {s: metrics.registry.value("headwater_model_state", state=s.value) for s in ModelHealth}
        assert shown == {s: 1.0 if s is state else 0.0 for s in ModelHealth}


def test_outcomes_of_one_topic_do_not_touch_another() -> None:
    metrics = Metrics()
    metrics.events.of(CLICK, EventOutcome.LEARNED).add(4096)
    changed = {key: value for key, value in scrape(metrics).items() if key[0] == "headwater_events_total" and value}
    assert changed == {("headwater_events_total", (("outcome", "learned"), ("topic", "events.click.v1"))): 4096.0}
