"""The interface of a language model: it continues prompts, in batches, with a likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from operators.narration.prompt import Prompt


class Generated(msgspec.Struct, frozen=True):
    """A continuation without the prompt, and its mean log-probability per token (0 is certain)."""

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
