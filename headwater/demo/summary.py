"""What the demo measured, as a table. Everything in it was counted in this run."""

from __future__ import annotations

from rich.table import Table

from headwater.demo.feed import DemoPhase, Outcome
from headwater.demo.scrape import Samples
from headwater.demo.verdict import Verdict
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
    _add_answers(table, outcome, outcome.events)
    for label, name in (("recall@20", "recall"), ("MRR@20", "mrr")):
        table.add_row(label, _beside_popularity(samples, f"headwater_prequential_{name}_ratio"))
    _add_rest(table, outcome, samples, broker)
    return table


def shop_summary(outcome: Outcome, verdict: Verdict, samples: Samples, broker: str, seconds: float) -> Table:
    """What the household shop's run showed; ``seconds``: how long it took."""
    table = Table(title="What happened", title_justify="left", show_header=False)
    events = sum(phase.events for phase in outcome.phases)
    people = len(verdict.ledger.people)
    table.add_row("events", f"{events:,} of {people:,} people in sixty days and today, in {seconds:.0f} s")
    table.add_row("catalogue", f"{len(verdict.ledger.rows):,} goods")
    _add_answers(table, outcome, events)
    table.add_row("reasons", f"{verdict.claims.checked:,} checked, {verdict.claims.found:,} false")
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in verdict.kinds.most_common())
    table.add_row("  by kind", kinds)
    table.add_row(
        "words", f"{verdict.words.checked:,} records checked, {verdict.words.found:,} with a wrong word or mark"
    )
    bought = f"{verdict.just_bought_at_purchase:,} of {verdict.purchases_answered:,} answers to a purchase have it"
    table.add_row("just bought", bought)
    table.add_row("senseless items", f"{verdict.items.found:,} of {verdict.items.checked:,}")
    table.add_row("searches", f"{verdict.searches_first:,} of {verdict.searches:,} have first what was meant")
    table.add_row("  for what is not sold", f"{verdict.unclaimed:,} of {verdict.unmatched:,} claim no match")
    _add_rest(table, outcome, samples, broker)
    return table


def _add_answers(table: Table, outcome: Outcome, events: int) -> None:
    unanswered = events - outcome.answered
    rest = f", {unanswered:,} events without an answer" if unanswered else ", every event answered"
    table.add_row("recommendations", f"{outcome.records:,}{rest}")
    for phase in outcome.phases:
        if phase.events:
            _add_phase(table, phase)


def _add_rest(table: Table, outcome: Outcome, samples: Samples, broker: str) -> None:
    texts = ", ".join(f"{count:,} {source}" for source, count in sorted(outcome.texts.items()))
    table.add_row("texts by source", texts or UNKNOWN)
    table.add_row("dead letters", f"{samples.total('headwater_dead_letters_total'):,.0f}")
    table.add_row("broker", broker)


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
