"""What a language model is to Headwater: something that continues prompts, in batches, with a likelihood."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from operators.narration.prompt import Prompt

BUILT_IN = ("transformers", "none")


class Generated(msgspec.Struct, frozen=True):
    """A continuation, prompt not included, and its mean log-probability a token (0 is certain)."""

    text: str
    mean_logprob: float


class BackendUnavailable(RuntimeError):
    """The backend cannot run here (a library or the model is missing); the message says what to do about it."""


class TextBackend(Protocol):
    """A language model. It runs in a process of its own, so it may block, and may be killed at any time."""

    name: str
    """Name and version, as records carry it in ``language_model``."""

    def load(self) -> None:
        """Make ready to generate. Raises `BackendUnavailable` where that cannot be done here."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """One continuation of each prompt, in order, of one line at most. May raise anything."""


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
        from .transformers_backend import TransformersBackend

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


def cache_dir_from_environment() -> Path:
    """``HEADWATER_CACHE_DIR``, else ``~/.cache/headwater`` (``XDG_CACHE_HOME`` is followed)."""
    given = os.environ.get("HEADWATER_CACHE_DIR")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headwater"
