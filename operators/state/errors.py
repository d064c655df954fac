"""What can be wrong with stored bytes.

StateError
├── StateCorruptError   the bytes are not what was written
└── StateVersionError   the bytes were written by a newer version of this program
"""

from __future__ import annotations


class StateError(Exception):
    """Stored state or a learning message cannot be used; the message says what the operator should do.

    `problem`: the message without that, for those who know better what to do.
    """

    def __init__(self, problem: str, advice: str = "") -> None:
        super().__init__(f"{problem}. {advice}" if advice else problem)
        self.problem = problem


class StateCorruptError(StateError):
    """The bytes are damaged, cut off or of another kind."""


class StateVersionError(StateError):
    """The bytes are of a format version that this program does not know."""


def corrupt(what: str, detail: str) -> StateCorruptError:
    """The error for stored bytes of `what` that cannot be read."""
    return StateCorruptError(
        f"{what} is corrupt ({detail})",
        "Stop the worker, delete its state folder and start it again: the state is "
        "rebuilt from Kafka. If the same error comes back, Kafka holds the damaged bytes: delete this key there "
        "(write a null value into the topic that keeps this state) and it starts afresh.",
    )


def newer_version(what: str, found: int, known: int) -> StateVersionError:
    """The error for bytes of `what` whose format version lies above the known ones."""
    return StateVersionError(
        f"{what} has format version {found}, this program reads up to {known}",
        "It was written by a newer Headwater: "
        "run that version again (all workers of a namespace are upgraded together), or start this one in another "
        "namespace.",
    )
