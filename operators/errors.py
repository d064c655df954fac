"""What can be wrong with stored bytes.

    StateError
    ├── StateCorruptError   the bytes are not what was written
    └── StateVersionError   the bytes were written by a newer version of this program
"""

from __future__ import annotations


class StateError(Exception):
    """Stored state or a learning message cannot be used; the message says what the operator should do."""


class StateCorruptError(StateError):
    """The bytes are damaged, cut off or of another kind."""

    def __init__(self, what: str, detail: str) -> None:
        super().__init__(
            f"{what} is corrupt ({detail}). Stop the worker, delete its state folder and start it again: the state "
            "is rebuilt from the changelog. If the changelog itself is damaged, the same error comes back: then "
            "delete this key from the changelog topic (send a null value) and it starts afresh."
        )


class StateVersionError(StateError):
    """The bytes are of a format version that this program does not know."""

    def __init__(self, what: str, found: int, known: int) -> None:
        super().__init__(
            f"{what} has format version {found}, this program reads up to {known}. It was written by a newer "
            "Headwater: run that version again (all workers of a namespace must be upgraded together), "
            "or start this one in another namespace."
        )
