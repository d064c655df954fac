"""What the demo measured, as a table. Everything in it was counted in this run."""

from __future__ import annotations

from rich.table import Table

from headwater.demo.feed import DemoPhase, Outcome
from headwater.demo.scrape import Samples
from streams.topology import CATALOG_ITEMS, SEARCH

UNKNOWN = "not measured"


def summary(outcome: Outcome, samples: Samples, broker: str) -> Table:
    """Figures of the run: ``samples`` from the worker, ``broker`` in words."""
    table = Table(title="What happened", title_justify="left", show_header=False)
    sent = outcome.sent
    searches = sent[SEARCH.suffix]
    real = f"{outcome.events - searches:,} real MovieLens ratings"
    table.add_row("events", f"{outcome.events:,}: {real} and {searches:,} derived genre searches")
    table.add_row("catalogue", f"{sent[CATALOG_ITEMS.suffix]:,} films")
    unanswered = outcome.events - outcome.answered
    rest = f", {unanswered:,} events without an answer" if unanswered else ", every event answered"
    table.add_row("recommendations", f"{outcome.records:,}{rest}")
    for phase in outcome.phases:
        if phase.events:
            _add_phase(table, phase)
    for label, name in (("recall@20", "recall"), ("MRR@20", "mrr")):
        table.add_row(label, _beside_popularity(samples, f"headwater_prequential_{name}_ratio"))
    texts = ", ".join(f"{count:,} {source}" for source, count in sorted(outcome.texts.items()))
    table.add_row("texts by source", texts or UNKNOWN)
    table.add_row("dead letters", f"{samples.total('headwater_dead_letters_total'):,.0f}")
    table.add_row("broker", broker)
    return table


def _add_phase(table: Table, phase: DemoPhase) -> None:
    table.add_row("events/s", f"{phase.rate:,.0f}, {phase.pace}")
    live = phase.latencies.get("llm", [])
    at_once = [ms for source, values in phase.latencies.items() if source != "llm" for ms in values]
    table.add_row("  event to record", latency(at_once))
    if live:
        table.add_row("  with live text", latency(live))


def latency(milliseconds: list[int]) -> str:
    """Median and 99th percentile in words."""
    if not milliseconds:
        return UNKNOWN
    return f"p50 {percentile(milliseconds, 0.50):,} ms, p99 {percentile(milliseconds, 0.99):,} ms"


def percentile(values: list[int], share: float) -> int:
    """Nearest-rank percentile of values that are there.

    >>> percentile([30, 10, 20, 40], 0.5)
    20
    """
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)  # ceiling
    return ordered[max(int(rank) - 1, 0)]


def _beside_popularity(samples: Samples, name: str) -> str:
    hybrid, popularity = samples.first(name, model="hybrid"), samples.first(name, model="popularity")
    if hybrid is None or popularity is None:
        return UNKNOWN
    window = samples.first("headwater_prequential_window_events")
    over = f", over the last {window:,.0f} tested" if window else ""
    return f"{hybrid:.3f} beside {popularity:.3f} of popularity{over}"
