"""``headwater fetch``: data and model into the cache folder, ahead of time."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from headwater.cli.terminal import guarded, load_settings, note


class Target(StrEnum):
    """What can be fetched."""

    ML_100K = "ml-100k"
    SMOLLM2 = "smollm2"


@guarded
def fetch(
    target: Annotated[
        Target,
        typer.Argument(
            help="`ml-100k`: MovieLens-100k as a replay file. `smollm2`: the language model, in a form that loads fast."
        ),
    ],
) -> None:
    """Download a data set or the language model into the cache folder, check its hash, and print its path."""
    settings = load_settings()
    if target is Target.ML_100K:
        from headwater.importers.movielens import write_replay

        path = write_replay(settings.cache_dir, progress=note)
    else:
        from headwater.language_model import fetch_smollm2
        from streams.model.model_store import converted, require_libraries

        require_libraries()
        fetch_smollm2(settings.cache_dir, note)
        path = converted(settings.cache_dir, note)
    typer.echo(str(path))
