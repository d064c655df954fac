"""The states of a language model, and the errors that its callers get."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """What the model process is doing."""

    STOPPED = "stopped"
    LOADING = "loading"
    READY = "ready"
    RESTARTING = "restarting"
    OPEN = "open"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ModelState:
    """Phase, the reason for it where one is needed, and the model's name once it is loaded."""

    phase: Phase
    reason: str = ""
    model: str = ""


class ModelNotReady(RuntimeError):
    """The model is loading, stopped, failed or not asked for a while: use a frame or template."""


class ModelTimeout(ModelNotReady):
    """No answer within the deadline."""


class ModelError(RuntimeError):
    """The backend raised, died, or returned an answer that does not fit the request."""
