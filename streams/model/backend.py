"""Finds the backend that the settings name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from operators.narration.prompt import Prompt
from streams.model.text_backend import BackendUnavailable, Generated, TextBackend

BUILT_IN = ("transformers", "none")


class NoBackend:
    """No language model: frames and templates only."""

    name = "none"

    def load(self) -> None:
        """Always raises `BackendUnavailable`."""
        raise BackendUnavailable("HEADWATER_MODEL_BACKEND is `none`: text comes from frames and templates")

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """Always raises `BackendUnavailable`."""
        raise BackendUnavailable("there is no language model")


def create_backend(specification: str, cache_dir: Path) -> TextBackend:
    """The backend named ``transformers``, ``none`` or ``module:Class`` (made without arguments).

    Raises `BackendUnavailable` where there is no such thing.
    """
    if specification == "none":
        return NoBackend()
    if specification == "transformers":
        from streams.model.transformers_backend import TransformersBackend

        return TransformersBackend(cache_dir)
    module, separator, name = specification.partition(":")
    if not separator:
        raise BackendUnavailable(
            f"HEADWATER_MODEL_BACKEND={specification!r} is not known: use {', '.join(BUILT_IN)} or module:Class"
        )
    try:
        backend: TextBackend = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise BackendUnavailable(f"HEADWATER_MODEL_BACKEND={specification!r}: {error}") from error
    return backend
