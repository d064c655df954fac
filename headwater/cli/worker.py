"""``headwater worker``: the running program."""

from __future__ import annotations

from typing import Annotated

import typer

from headwater.cli.terminal import guarded, read_settings, require_brokers
from streams.topology import STAGE_NAMES


@guarded
def worker(
    stages: Annotated[str, typer.Option(help="Stages to run here, separated by commas.")] = ",".join(STAGE_NAMES),
) -> None:
    """Learn from events, write recommendations. Ends cleanly on SIGTERM, after a last checkpoint."""
    settings = read_settings()
    require_brokers(settings)
    chosen = parse_stages(stages)
    require_backend(settings.model_backend)
    from streams.worker.worker import run

    raise typer.Exit(run(settings, chosen))


def require_backend(specification: str) -> None:
    """Raises ``ConfigurationError`` where the module of a ``module:Class`` is not there, before anything starts."""
    from importlib.util import find_spec

    from streams.errors import ConfigurationError
    from streams.settings import BACKENDS

    module = specification.partition(":")[0]
    try:
        missing = specification not in BACKENDS and find_spec(module) is None
    except ImportError:
        missing = True
    if missing:
        raise ConfigurationError(
            f"HEADWATER_MODEL_BACKEND={specification}: there is no module {module} on Python's path. "
            f"Give {', '.join(BACKENDS)}, or module:Class of one that is installed here."
        )


def parse_stages(text: str) -> tuple[str, ...]:
    """Names of stages, each once; raises ``ConfigurationError`` for an unknown one or none."""
    from streams.errors import ConfigurationError

    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in STAGE_NAMES]
    if unknown or not names:
        wrong = f"unknown stage {', '.join(unknown)}" if unknown else "no stage given"
        raise ConfigurationError(f"--stages: {wrong}; choose from {', '.join(STAGE_NAMES)}.")
    return tuple(dict.fromkeys(names))
