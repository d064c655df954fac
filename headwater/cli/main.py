"""Entry point of ``headwater``."""

from __future__ import annotations

from typing import Annotated

import typer

from headwater.cli import broker, demo, doctor, evaluate, fetch, replay, tail, topics, validate, worker

app = typer.Typer(
    name="headwater",
    help="Streaming recommender: Kafka events in, learned online, explained recommendations out.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.command()(demo.demo)
app.command()(worker.worker)
app.add_typer(topics.app, name="topics")
app.command()(replay.replay)
app.command()(tail.tail)
app.command()(validate.validate)
app.command()(evaluate.evaluate)
app.command()(fetch.fetch)
app.command()(broker.broker)
app.command()(doctor.doctor)


@app.callback(epilog="Settings are environment variables HEADWATER_...; `headwater doctor` shows what is set.")
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=lambda wanted: _version(wanted)),
    ] = False,
) -> None:
    """Streaming recommender: Kafka events in, learned online, explained recommendations out."""


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"headwater {version('headwater')}")
        raise typer.Exit


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
