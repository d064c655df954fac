"""``headwater worker``: the running program."""

from __future__ import annotations

from typing import Annotated

import typer

from headwater.cli.terminal import guarded, load_settings, require_brokers


@guarded
def worker(
    stages: Annotated[
        str, typer.Option(help="Stages to run here, separated by commas.")
    ] = "profiles,items,narrator,catalog",
) -> None:
    """Learn from events, write recommendations. Ends cleanly on SIGTERM, after a last checkpoint."""
    settings = load_settings()
    require_brokers(settings)
    chosen = parse_stages(stages)
    from streams.worker.worker import run

    raise typer.Exit(run(settings, chosen))


def parse_stages(text: str) -> tuple[str, ...]:
    """Names of stages, each once; raises ``ConfigurationError`` for an unknown one or none."""
    from streams.errors import ConfigurationError
    from streams.settings import STAGES

    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        wrong = f"unknown stage {', '.join(unknown)}" if unknown else "no stage given"
        raise ConfigurationError(f"--stages: {wrong}; choose from {', '.join(STAGES)}.")
    return tuple(dict.fromkeys(names))
