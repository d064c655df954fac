"""Callbacks by which an engine reports its work."""

from __future__ import annotations

from streams.engine.gaps import Gap


class Observer:
    """Does nothing; metrics and tests override what they need."""

    async def assigned(self) -> None:
        """Partitions are assigned, their states recovered; work begins next. Whatever this raises stops the worker."""

    async def taken_over(self, group: str, instance: str, member: str) -> bool:
        """Whether the consumer group ``group`` has another member than ``member`` under the name ``instance``."""
        return False

    def gap(self, gap: Gap) -> None:
        """Offsets were to be read and are gone."""

    def group(self, records: int) -> None:
        """Work on a group of so many records begins."""

    def sent(self, seconds: float) -> None:
        """Outputs were handed to the client library, which took so long."""

    def step(self, name: str) -> None:
        """The step ``name`` of a checkpoint begins: ``outputs``, ``changelog``, ``acknowledge`` or ``commit``."""

    def checkpoint(self, seconds: float, size: int) -> None:
        """A checkpoint is done: how long it took, and the bytes of the states that it wrote."""
