"""What a language model is doing, and what its callers are told when it writes nothing."""

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
    """Phase and, where it is not simply at work, why. ``model`` is the model's name once it is loaded."""

    phase: Phase
    reason: str = ""
    model: str = ""


class ModelNotReady(RuntimeError):
    """The model is loading, stopped, failed or left alone for a while: use frame or template."""


class ModelTimeout(ModelNotReady):
    """No answer within the deadline."""


class ModelError(RuntimeError):
    """The backend raised, died or returned something else than was asked for."""
