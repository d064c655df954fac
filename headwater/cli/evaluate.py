"""``headwater evaluate``: the operators over a log, test then learn, without a broker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.lines import FromNamespace
from headwater.cli.terminal import guarded, load_settings, make_console, note, progress

if TYPE_CHECKING:
    from operators.evaluation.prequential import EvaluationReport
    from schemas.records import ItemWithdrawal, Record
    from schemas.replay_file import Line
    from streams.settings import Settings


@guarded
def evaluate(
    file: Annotated[Path, typer.Argument(help="A replay file, gzipped or not.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    from_namespace: FromNamespace = None,
) -> None:
    """Rank, test, then learn each event of a file, without a broker. Prints recall, MRR and nDCG, also by generator."""
    settings = load_settings()
    from headwater.cli.lines import count_lines
    from operators import evaluate as run
    from streams.worker.parameters import parameters_of

    source = _Input(file, settings, from_namespace or ())
    parameters = parameters_of(settings)
    with progress("evaluate", count_lines(file), "lines") as bar:

        def show(read: int, tested: int, hits: int) -> None:
            bar.update(read, f"recall@20 {hits / tested:.3f}" if tested else "")

        report = run(source.records(), parameters, seed=settings.seed, progress=show, clock=time.perf_counter)
    source.note_findings()
    _note_order(report)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), allow_nan=False))
    else:
        _show(report)


@dataclass(slots=True)
class _Input:
    """Records of a file as a worker would learn them, and how many it would refuse or take for wrong clocks."""

    file: Path
    settings: Settings
    from_namespaces: Sequence[str] = ()
    refused: int = 0
    first_refused: int = 0
    clamped: int = 0
    first_clamped: int = 0

    def records(self) -> Iterator[tuple[int, Record | ItemWithdrawal]]:
        from headwater.cli.lines import judged_lines
        from schemas.catalog_row import named_item
        from schemas.kinds import Kind
        from schemas.records import ItemWithdrawal
        from schemas.rejection import Rejection, RejectionCode

        now_ms, tolerance = time.time_ns() // 1_000_000, int(self.settings.future_tolerance * 1000)
        for line, record in judged_lines(self.file, self.settings, self.from_namespaces):
            if isinstance(record, Rejection):
                if record.ignored:
                    continue
                self.refused += 1
                self.first_refused = self.first_refused or line.number
                ours = line.kind is Kind.CATALOG and record.code is not RejectionCode.OTHER_NAMESPACE
                item_id = named_item(line.value, line.key) if ours else None
                if item_id is not None:
                    yield line.number, ItemWithdrawal(item_id)
                continue
            yield line.number, self._timed(line, record, now_ms, tolerance)

    def _timed(self, line: Line, record: Record, now_ms: int, tolerance: int) -> Record:
        """Clamp a clock that runs ahead, by the worker's rule; a line without a timestamp arrives now."""
        from msgspec.structs import replace

        from streams.stages.event_time import event_time

        occurred: int | None = getattr(record, "occurred_at", None)
        if occurred is None:
            return record
        times = event_time(now_ms, occurred, now_ms, tolerance, told_ms=line.timestamp)
        if not times.clamped:
            return record
        self.clamped += 1
        self.first_clamped = self.first_clamped or line.number
        return replace(record, occurred_at=times.occurred)

    def note_findings(self) -> None:
        if self.refused:
            note(
                f"{self.refused:,} lines were refused, the first is line {self.first_refused}: "
                f"`headwater validate {self.file}`."
            )
        if self.clamped:
            note(
                f"{self.clamped:,} events lie further ahead than HEADWATER_FUTURE_TOLERANCE, "
                f"the first in line {self.first_clamped}: they count with the time of their record."
            )


def _note_order(report: EvaluationReport) -> None:
    late, twice = report.out_of_order, report.duplicates
    if late["lines"]:
        note(
            f"{late['lines']:,} lines are out of time order, the first is line {late['first_line']}, at most "
            f"{late['most_seconds']:,.0f} s behind the newest: the figures assume that there are none."
        )
    if twice["lines"]:
        note(
            f"{twice['lines']:,} lines repeat an event exactly, the first is line {twice['first_line']}: "
            "neither tested nor learned."
        )


def _show(report: EvaluationReport) -> None:
    from rich.table import Table

    names = ("recall@20", "mrr@20", "ndcg@20", "recall@5", "coverage", "diversity", "novelty")
    table = Table("", *names)
    table.add_row("hybrid", *(_figure(report.hybrid[name]) for name in names))
    for generator, figures in report.generators.items():
        table.add_row(generator, *(_figure(figures[name]) for name in names))
    make_console().print(table)
    speed = f", {report.events_per_second:,.0f} events/s" if report.events_per_second else ""
    typer.echo(
        f"{report.events:,} events, {report.hybrid['tested']:,} tested, {report.reloads['events']:,} reloads "
        f"({report.reloads['share'] or 0:.1%}; not tested), {report.users:,} users, "
        f"{report.items:,} items{speed}"
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
