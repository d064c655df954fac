"""``headwater validate``: what a worker would refuse, without a broker."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.lines import FromNamespace
from headwater.cli.terminal import guarded, load_settings, progress

if TYPE_CHECKING:
    from operators.evaluation.stream_order import StreamOrder
    from schemas.catalog_fields import FieldFault
    from schemas.records import Event
    from schemas.rejection import Rejection
    from schemas.replay_file import Line


@guarded
def validate(
    file: Annotated[Path, typer.Argument(help="A replay file, gzipped or not.")],
    show: Annotated[int, typer.Option(min=0, help="How many problems to list one by one.")] = 20,
    from_namespace: FromNamespace = None,
) -> None:
    """Say what would be refused or dropped and why, without a broker. Exit status 1 when lines would be refused."""
    settings = load_settings()
    from headwater.cli.lines import count_lines, judged_lines
    from schemas.rejection import Rejection

    findings = _Findings()
    faults: list[FieldFault] = []
    with progress("validate", count_lines(file), "lines") as bar:
        for line, record in judged_lines(file, settings, from_namespace, faults):
            if isinstance(record, Rejection) and record.ignored:
                findings.ignored += 1
            elif isinstance(record, Rejection):
                findings.refuse(line, record)
                if findings.refused <= show:
                    typer.echo(f"line {line.number}: {record.code}: {record}")
            else:
                findings.accept(line, record)
                for fault in faults:
                    findings.dropped[fault.field] += 1
                    if findings.dropped.total() <= show:
                        typer.echo(f"line {line.number}: dropped {fault.field}: {fault.problem.code}: {fault}")
            if line.number % 1000 == 0:
                bar.update(line.number)
        bar.update(line.number)
    findings.report(show)
    if findings.refused:
        raise typer.Exit(1)


@dataclass(slots=True)
class _Findings:
    """Counts over the lines of a file."""

    accepted: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    """Fields of catalogue rows that were kept without them."""
    references: _References = field(default_factory=lambda: _References())
    ignored: int = 0
    cut: int = 0
    order: StreamOrder = field(default_factory=lambda: _stream_order())
    reused_ids: int = 0
    first_reused_line: int = 0
    _seen: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        return self.codes.total()

    def refuse(self, line: Line, problem: Rejection) -> None:
        self.codes[problem.code] += 1

    def accept(self, line: Line, record: object) -> None:
        if line.kind is None:
            raise AssertionError("an accepted line has a kind")
        self.accepted[line.kind.topic] += 1
        self.references.note(line.number, record)
        self.cut += type(record).__name__ == "CutSearch"
        if line.kind.is_event:
            self._note_event(line, record)  # type: ignore[arg-type]

    def _note_event(self, line: Line, event: Event) -> None:
        """Time order, and ids that were used before: the worker learns an exact repetition once."""
        self.order.note_time(line.number, event.occurred_at)
        name = _digest(f"{event.user_id}\0{event.event_id}".encode())
        content = _digest(repr(event).encode())
        before = self._seen.setdefault(name, content)
        if before is content:
            return
        if before == content:
            self.order.note_duplicate(line.number)
        else:
            self.reused_ids += 1
            self.first_reused_line = self.first_reused_line or line.number

    def report(self, show: int) -> None:
        if self.refused > show:
            typer.echo(f"... and {self.refused - show:,} more")
        for topic, count in sorted(self.accepted.items()):
            typer.echo(f"{topic}: {count:,} records")
        self.references.report()
        late, twice = self.order.late_figures(), self.order.duplicate_figures()
        if self.ignored:
            typer.echo(f"searches for nothing, ignored: {self.ignored:,}")
        if self.cut:
            typer.echo(f"queries cut to their limit: {self.cut:,}")
        if late["lines"]:
            typer.echo(
                f"out of time order: {late['lines']:,} lines, first line {late['first_line']}, "
                f"at most {late['most_seconds']:,.0f} s behind the newest"
            )
        if twice["lines"]:
            typer.echo(f"exact duplicates, learned once: {twice['lines']:,}, first line {twice['first_line']}")
        if self.reused_ids:
            where = f"first line {self.first_reused_line}"
            typer.echo(f"event ids used again for other content: {self.reused_ids:,}, {where}")
        if self.dropped:
            more = max(0, self.dropped.total() - show)
            shown = f", {more:,} of them not listed" if more else ""
            typer.echo(f"fields dropped, their rows are kept: {_counts(self.dropped)}{shown}")
        kinds = _counts(self.codes)
        word = "problem" if self.refused == 1 else "problems"
        typer.echo(f"{self.refused:,} {word}{f': {kinds}' if kinds else ''}")


@dataclass(slots=True)
class _References:
    """What lines say of each other: events of items, and of recommendations that were shown."""

    rows: set[bytes] = field(default_factory=set)
    items: dict[bytes, int] = field(default_factory=dict)
    """Items of events, with the first line of each."""
    shown: set[bytes] = field(default_factory=set)
    answers: list[tuple[bytes, int]] = field(default_factory=list)
    """Recommendations that clicks and purchases name, with their lines."""

    def note(self, number: int, record: object) -> None:
        from schemas.records import CatalogItem, Click, Impression, Purchase

        if isinstance(record, CatalogItem):
            self.rows.add(_digest(record.item_id.encode()))
        elif isinstance(record, Click | Purchase):
            self.items.setdefault(_digest(record.item_id.encode()), number)
            if record.recommendation_id:
                self.answers.append((_digest(record.recommendation_id.encode()), number))
        elif isinstance(record, Impression) and record.recommendation_id:
            self.shown.add(_digest(record.recommendation_id.encode()))

    def report(self) -> None:
        """Counts of what refers to nothing. Without a catalogue in the file, no item of it has a row."""
        unknown = [number for name, number in self.answers if name not in self.shown]
        bare = [number for item, number in self.items.items() if item not in self.rows]
        if unknown:
            typer.echo(
                f"{_count(len(unknown), 'reference')} to unknown recommendations, first line {unknown[0]}: no "
                "impression in the file names them; such events are learned and attributed to nothing"
            )
        if bare and (self.rows or unknown):
            typer.echo(f"{_count(len(bare), 'item')} without catalogue row, first line {min(bare)}")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counter.most_common())


def _stream_order() -> StreamOrder:
    from operators.evaluation.stream_order import StreamOrder

    return StreamOrder()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).digest()
