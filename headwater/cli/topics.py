"""``headwater topics create | describe | accept``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.terminal import guarded, load_settings, make_console, note, require_brokers

if TYPE_CHECKING:
    from streams.broker.admin import TopicState

app = typer.Typer(help="Create, show and accept the topics of a namespace.", no_args_is_help=True)


@app.command()
@guarded
def create() -> None:
    """Create the topics that are missing. Doing it again changes nothing."""
    settings = load_settings()
    brokers = require_brokers(settings)
    from streams.broker.admin import create_topics

    states = create_topics(brokers, settings)
    for state in states:
        word = "created" if state.created else "is there"
        typer.echo(f"{word:9}{state.name} ({state.partitions} partitions, {state.topic.cleanup})")
    _warn_about_differences(states)


@app.command()
@guarded
def describe() -> None:
    """Compare the topics with the settings. Exit status 1 when they differ."""
    settings = load_settings()
    brokers = require_brokers(settings)
    from streams.broker.admin import describe_topics

    states = describe_topics(brokers, settings)
    make_console().print(_table(states))
    _warn_about_differences(states)
    missing = [state.name for state in states if state.partitions is None]
    if missing:
        note(f"{len(missing)} missing: run `headwater topics create`.")
    if not all(state.matches for state in states):
        raise typer.Exit(1)


@app.command()
@guarded
def accept(name: Annotated[str, typer.Argument(help="Full name of the topic, with its namespace.")]) -> None:
    """Accept a topic that was deleted and created again; its offsets start at 0. Stop the workers first."""
    settings = load_settings()
    brokers = require_brokers(settings)
    from streams.broker.acceptance import accept as accept_topic
    from streams.errors import ConfigurationError
    from streams.topology import ALL

    known = {topic.name(settings.namespace): topic for topic in ALL}
    if name not in known:
        raise ConfigurationError(f"{name} is not a topic of this namespace; it has {', '.join(known)}.")
    accepted = accept_topic(brokers, settings, known[name])
    typer.echo(f"{name} accepted as incarnation {accepted.epoch}.")
    if accepted.read_again:
        typer.echo(f"Workers will read from the beginning: {', '.join(accepted.read_again)}.")


def _table(states: list[TopicState]) -> object:
    from rich.table import Column, Table

    from streams.topology import written_by

    table = Table(Column("topic", no_wrap=True), "key", "cleanup", "partitions", "replicas", "written by", "state")
    for s in states:
        found = "missing" if s.partitions is None else "ok" if s.matches else "differs"
        count = "-" if s.partitions is None else str(s.partitions)
        shown = count if s.partitions in (None, s.expected) else f"{count} (not {s.expected})"
        table.add_row(
            s.name, s.topic.keyed_by, s.topic.cleanup, shown, str(s.replicas or "-"), written_by(s.topic), found
        )
    return table


def _warn_about_differences(states: list[TopicState]) -> None:
    for state in states:
        for setting, (found, wanted) in state.differences.items():
            note(f"{state.name}: {setting} is {found}, should be {wanted} (kafka-configs.sh --alter).")
