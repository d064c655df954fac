"""Decoded user states of the partitions that a worker owns, over the users table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from operators.item_index import ItemIndex
from operators.parameters import Parameters
from operators.user_codec import decode_user, encode_user
from operators.user_state import UserState
from streams.batching import BatchTable
from streams.batching.store import Item


class UserCache:
    """Hot states stay decoded; a dirty one is encoded once a checkpoint. Bounded: clean states leave, oldest first."""

    def __init__(self, table: BatchTable, index: ItemIndex, parameters: Parameters, limit: int) -> None:
        self._table, self._index, self._parameters, self._limit = table, index, parameters, limit
        self._states: dict[int, dict[str, UserState]] = {}
        self._dirty: dict[int, set[str]] = {}

    def load(self, partition: int, user_ids: Iterable[str]) -> list[UserState]:
        """Bring the states of ``user_ids`` into memory; returns those read or made now.

        Raises ``StateCorruptError`` or ``StateVersionError`` for a stored state that cannot be read.
        """
        states = self._states.setdefault(partition, {})
        missing = [user_id for user_id in dict.fromkeys(user_ids) if user_id not in states]
        raws = self._table.get_many(partition, [user_id.encode() for user_id in missing])
        loaded = []
        for user_id, raw in zip(missing, raws, strict=True):
            if raw is None:
                state = UserState.fresh(user_id, self._parameters)
            else:
                state = decode_user(user_id, raw, self._index)
            states[user_id] = state
            loaded.append(state)
        return loaded

    def of(self, partition: int) -> dict[str, UserState]:
        """The decoded states of a partition; ``load`` first."""
        return self._states.setdefault(partition, {})

    def touch(self, partition: int, user_id: str) -> None:
        """The state was changed."""
        self._dirty.setdefault(partition, set()).add(user_id)

    def snapshot(self) -> dict[int, Sequence[Item]]:
        """Encoded dirty states by partition; they are clean from here on."""
        puts: dict[int, Sequence[Item]] = {}
        for partition, user_ids in self._dirty.items():
            states = self._states[partition]
            puts[partition] = [
                (user_id.encode(), encode_user(states[user_id], self._index)) for user_id in sorted(user_ids)
            ]
        self._dirty = {}
        self._shrink()
        return puts

    def _shrink(self) -> None:
        surplus = len(self) - self._limit
        for states in self._states.values():
            for user_id in list(states)[: max(0, surplus)]:
                del states[user_id]
                surplus -= 1

    def clear(self) -> None:
        """Forget everything, written or not."""
        self._states.clear()
        self._dirty.clear()

    def __len__(self) -> int:
        return sum(map(len, self._states.values()))

    @property
    def dirty_count(self) -> int:
        """States changed since the last snapshot."""
        return sum(map(len, self._dirty.values()))
