"""``headwater evaluate``: the operators over a log, test then learn, without a broker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.console import guarded, load_settings, make_console, note, progress

if TYPE_CHECKING:
    from operators.evaluation.prequential import Report
    from schemas.records import Record
    from streams.settings import Settings


@guarded
def evaluate(
    file: Annotated[Path, typer.Argument(help="A replay file, gzipped or not.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Recall, MRR and nDCG of the lists made before each event is learned, beside each generator's."""
    settings = load_settings()
    from operators.evaluation.prequential import evaluate as run
    from operators.parameters import Parameters
    from streams.cli.lines import count_lines

    refused: list[int] = []
    parameters = Parameters(allow_repeats=settings.allow_repeats, domain=settings.domain)
    with progress("evaluate", count_lines(file), "lines") as bar:

        def show(read: int, tested: int, hits: int) -> None:
            bar.update(read, f"recall@20 {hits / tested:.3f}" if tested else "")

        report = run(
            _records(file, settings, refused), parameters, seed=settings.seed, progress=show, clock=time.perf_counter
        )
    if refused:
        note(f"{len(refused):,} lines were refused, the first is line {refused[0]}: `headwater validate {file}`.")
    if report.out_of_order["lines"]:
        note(f"{report.out_of_order['lines']:,} lines are out of time order: the figures assume that they are not.")
    if as_json:
        typer.echo(json.dumps(report.to_dict(), allow_nan=False))
    else:
        _show(report)


def _records(file: Path, settings: Settings, refused: list[int]) -> Iterator[tuple[int, Record]]:
    from schemas.rejection import Rejection
    from streams.cli.lines import judged_lines

    for line, record in judged_lines(file, settings):
        if isinstance(record, Rejection):
            refused.append(line.number)
        else:
            yield line.number, record


def _show(report: Report) -> None:
    from rich.table import Table

    names = ("recall@20", "mrr@20", "ndcg@20", "recall@5", "coverage", "diversity", "novelty")
    table = Table("", *names)
    table.add_row("hybrid", *(_figure(report.hybrid[name]) for name in names))
    for generator, figures in report.generators.items():
        table.add_row(generator, *(_figure(figures[name]) for name in names))
    make_console().print(table)
    speed = f", {report.events_per_second:,.0f} events/s" if report.events_per_second else ""
    typer.echo(
        f"{report.events:,} events, {report.hybrid['tested']:,} tested, {report.users:,} users, "
        f"{report.items:,} items{speed}"
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
