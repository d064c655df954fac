"""What all commands share: settings, errors without tracebacks, progress with and without a terminal.

Results go to standard output, everything else to standard error. Exit status: 0 done, 1 failure, 2 wrong usage or
setting, 130 interrupted.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from streams.broker.brokers import Brokers
    from streams.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

PLAIN_INTERVAL = 2.0
_EXPECTED = (
    ("schemas.replay_file", "ReplayFileError", 2),
    ("streams.engine.errors", "StreamError", 1),
    ("streams.worker.http", "HttpError", 1),
    ("streams.model.backend", "BackendUnavailable", 1),
    ("operators.state.errors", "StateError", 1),
    ("confluent_kafka", "KafkaException", 1),
)
INTERRUPTED = 130
TERMINATED = 143


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Show expected errors as one sentence and end with the right exit status."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our output, `head` say, has enough
            sys.stdout = None  # nothing left to flush into
            raise typer.Exit(0) from None
        except Exception as error:
            status = exit_status(error)
            if status is None:
                raise
            fail(str(error), status)

    return run


def exit_status(error: Exception) -> int | None:
    """Of an expected error; None for one that is a bug and deserves its traceback."""
    from streams.errors import ConfigurationError, OperatorError

    if isinstance(error, ConfigurationError):
        return 2
    if isinstance(error, OperatorError | OSError):
        return 1
    for module, name, status in _EXPECTED:
        # an error of a module that was never imported cannot have been raised
        if module in sys.modules and isinstance(error, getattr(sys.modules[module], name)):
            return status
    return None


def fail(message: str, status: int = 1) -> NoReturn:
    """Print ``message`` to standard error and end."""
    typer.secho(f"Error: {message}", err=True, fg=typer.colors.RED)
    raise typer.Exit(status)


def note(message: str) -> None:
    """A line for the person at the terminal, on standard error."""
    typer.echo(message, err=True)


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment; raises ``ConfigurationError`` naming the variable that is wrong.

    Notes variables that look like settings and are none.
    """
    from streams.settings import unknown_variables

    settings = read_settings(**overrides)
    for name, remedy in unknown_variables(os.environ).items():
        note(f"There is no setting {name}. {remedy}")
    return settings


def read_settings(**overrides: object) -> Settings:
    """The same for a command that has its own place to tell of unknown variables."""
    from pydantic import ValidationError

    from headwater.cli.wrong_settings import in_words
    from streams.errors import ConfigurationError
    from streams.settings import Settings

    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(in_words(problem) for problem in error.errors())
    raise ConfigurationError(problems)  # not from the other error, which holds the values


def require_brokers(settings: Settings) -> Brokers:
    """How the broker is reached; raises ``ConfigurationError`` where no address is set, or the settings disagree."""
    from streams.broker.access import brokers_of

    return brokers_of(settings)


def end_on_sigterm() -> None:
    """Let SIGTERM unwind the stack, so that whatever was started is ended."""

    def unwind(number: int, frame: object) -> NoReturn:
        raise SystemExit(TERMINATED)

    signal.signal(signal.SIGTERM, unwind)


def plain(text: str) -> str:
    """``text`` without control and format characters: titles and queries are strangers' words."""
    return "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs") else " " for c in text)


class Progress:
    """A bar on a terminal, else a line every two seconds. Made by :func:`progress`."""

    def __init__(self, label: str, total: int | None, unit: str) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._started = self._shown = time.monotonic()
        self._done = 0

    def attach(self, bar: RichProgress) -> None:
        self._bar = bar
        self._task = bar.add_task(self._label, total=self._total, note="")

    def update(self, done: int, note: str = "") -> None:
        """Show that ``done`` of the total are done, with a short remark."""
        self._done = done
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, note=note)
            return
        now = time.monotonic()
        if now - self._shown >= PLAIN_INTERVAL:
            self._shown = now
            self._line(now, note)

    def show(self, renderable: RenderableType) -> None:
        """Print something above the bar."""
        if self._bar is not None:
            self._bar.console.print(renderable)
        else:
            make_console(stderr=True).print(renderable)

    def finish(self) -> None:
        if self._bar is None:
            self._line(time.monotonic(), "")

    def _line(self, now: float, note: str) -> None:
        rate = self._done / max(now - self._started, 1e-9)
        of = f" of {self._total:,}" if self._total is not None else ""
        remark = f"  {note}" if note else ""
        typer.echo(f"{self._label}: {self._done:,}{of} {self._unit}, {rate:,.0f}/s{remark}", err=True)


@contextmanager
def progress(label: str, total: int | None, unit: str = "events") -> Iterator[Progress]:
    """Progress of ``total`` (None: unknown) ``unit`` on standard error."""
    shown = Progress(label, total, unit)
    if not sys.stderr.isatty():
        yield shown
        shown.finish()
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("{task.fields[note]}"),
    )
    with bars.Progress(*columns, console=make_console(stderr=True)) as bar:
        shown.attach(bar)
        yield shown


def make_console(stderr: bool = False) -> Console:
    """A rich console that never takes data for markup; 120 columns wide where there is no terminal."""
    from rich import console

    stream = sys.stderr if stderr else sys.stdout
    return console.Console(
        stderr=stderr, markup=False, emoji=False, highlight=False, width=None if stream.isatty() else 120
    )
