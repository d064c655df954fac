"""What a stage tells of its work."""

from __future__ import annotations


class Observer:
    """Hears nothing and does nothing; metrics and tests override what they need."""

    async def assigned(self) -> None:
        """Partitions are this worker's and their states recovered; work on them begins next.

        Whatever it raises stops the worker.
        """

    def group(self, records: int) -> None:
        """Work on so many records begins."""

    def sent(self, seconds: float) -> None:
        """Outputs were handed over, which took so long."""

    def step(self, name: str) -> None:
        """The step ``name`` of a checkpoint begins: outputs, changelog, acknowledge, commit."""

    def checkpoint(self, seconds: float, size: int) -> None:
        """A checkpoint is over: how long it took, and the bytes of its states."""
