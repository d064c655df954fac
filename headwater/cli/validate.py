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
    from schemas.records import Event
    from schemas.rejection import Rejection
    from schemas.replay_file import Line


@guarded
def validate(
    file: Annotated[Path, typer.Argument(help="A replay file, gzipped or not.")],
    show: Annotated[int, typer.Option(min=0, help="How many problems to list one by one.")] = 20,
    from_namespace: FromNamespace = None,
) -> None:
    """Say what would be refused and why, without a broker. Exit status 1 when there are problems."""
    settings = load_settings()
    from headwater.cli.lines import count_lines, judged_lines
    from schemas.rejection import Rejection

    findings = _Findings()
    with progress("validate", count_lines(file), "lines") as bar:
        for line, record in judged_lines(file, settings, from_namespace):
            if isinstance(record, Rejection):
                findings.refuse(line, record)
                if findings.refused <= show:
                    typer.echo(f"line {line.number}: {record.code}: {record}")
            else:
                findings.accept(line, record)
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
        late, twice = self.order.late_figures(), self.order.duplicate_figures()
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
        kinds = ", ".join(f"{count:,} {code}" for code, count in self.codes.most_common())
        word = "problem" if self.refused == 1 else "problems"
        typer.echo(f"{self.refused:,} {word}{f': {kinds}' if kinds else ''}")


def _stream_order() -> StreamOrder:
    from operators.evaluation.stream_order import StreamOrder

    return StreamOrder()


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=8).digest()
