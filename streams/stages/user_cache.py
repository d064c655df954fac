"""A cache of decoded user states in front of the users table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user, encode_user
from operators.state.user_state import UserState
from streams.engine import BatchTable, Row

MINUTE_MS = 60_000


class UserCache:
    """Keeps states decoded and encodes changed ones once a checkpoint. Above the limit, clean ones leave, oldest first.

    While a snapshot is being written, the table is older than the cache. So the states of the last snapshot stay until
    the next one (by then they are in the table). A user in the last snapshot who has no state was removed.
    """

    def __init__(self, table: BatchTable, index: ItemIndex, parameters: Parameters, limit: int) -> None:
        self._table, self._index, self._parameters, self._limit = table, index, parameters, limit
        self._states: dict[int, dict[str, UserState]] = {}
        self._interval = 0
        """Snapshots so far."""
        self._dirty: dict[int, set[str]] = {}
        """Users whose states were changed or removed since the last snapshot."""
        self._writing: dict[int, set[str]] = {}
        """Users in the last snapshot."""
        self._unencoded: dict[int, set[str]] = {}
        """Those of them who are not encoded yet, and whose states have not changed since."""
        self._early: dict[int, dict[str, bytes | None]] = {}
        """Those of them who were encoded before their turn, because their states changed again; None: removed."""

    def load(self, partition: int, user_ids: Iterable[str]) -> list[UserState]:
        """Bring the states of ``user_ids`` into memory; returns those that were not there.

        Raises ``StateCorruptError`` or ``StateVersionError`` for a stored state that cannot be read.
        """
        states = self._states.setdefault(partition, {})
        missing = [user_id for user_id in dict.fromkeys(user_ids) if user_id not in states]
        raws = self._table.get_many(partition, [user_id.encode() for user_id in missing])
        loaded = []
        for user_id, raw in zip(missing, raws, strict=True):
            if raw is None or self._in_motion(partition, user_id):
                state = UserState.fresh(user_id, self._parameters)
            else:
                state = decode_user(user_id, raw, self._index)
            states[user_id] = state
            loaded.append(state)
        return loaded

    def of(self, partition: int) -> dict[str, UserState]:
        """The decoded states of a partition; ``load`` first."""
        return self._states.setdefault(partition, {})

    def touch(self, partition: int, state: UserState) -> None:
        """Call before a state is changed. Only the first call between two snapshots does more than compare a number."""
        if state.changed_in != self._interval:
            state.changed_in = self._interval
            self._change(partition, state.user_id)

    def _change(self, partition: int, user_id: str) -> None:
        if user_id in self._unencoded.get(partition, ()):
            self._early[partition][user_id] = self._encoded(partition, user_id)
        self._dirty.setdefault(partition, set()).add(user_id)

    def remove_idle(self, partition: int, user_id: str, before_ms: int) -> bool:
        """Remove a user whose stored state is older than ``before_ms``; False if the cache has a newer one."""
        states = self._states.setdefault(partition, {})
        state = states.get(user_id)
        if self._in_motion(partition, user_id) or (state and state.rate_minute * MINUTE_MS >= before_ms):
            return False
        states.pop(user_id, None)
        self._change(partition, user_id)
        return True

    def _in_motion(self, partition: int, user_id: str) -> bool:
        """Whether a change of the user's state is perhaps not in the table yet."""
        return user_id in self._dirty.get(partition, ()) or user_id in self._writing.get(partition, ())

    def snapshot(self) -> dict[int, Iterable[Row]]:
        """The dirty states by partition, None for removed ones; they are clean from now on.

        A state is encoded when its row is consumed, or before it changes, so that it is as it was at the snapshot.
        Encoding all of them at once would keep answers waiting.
        """
        self._interval += 1
        self._writing, self._dirty = self._dirty, {}
        for partition, user_ids in self._writing.items():
            there = user_ids & self._states[partition].keys()
            self._unencoded[partition], self._early[partition] = there, dict.fromkeys(user_ids - there)
        self._shrink()
        return {
            partition: self._encodings(partition, sorted(user_ids)) for partition, user_ids in self._writing.items()
        }

    def _encodings(self, partition: int, user_ids: Sequence[str]) -> Iterator[Row]:
        early = self._early[partition]
        for user_id in user_ids:
            raw = early[user_id] if user_id in early else self._encoded(partition, user_id)
            yield user_id.encode(), raw

    def _encoded(self, partition: int, user_id: str) -> bytes:
        self._unencoded[partition].discard(user_id)
        return encode_user(self._states[partition][user_id], self._index)

    def _shrink(self) -> None:
        surplus = len(self) - self._limit
        for partition, states in self._states.items():
            if surplus <= 0:
                break
            writing = self._writing.get(partition, ())
            leaving = list(islice((user_id for user_id in states if user_id not in writing), surplus))
            for user_id in leaving:
                del states[user_id]
            surplus -= len(leaving)

    def clear(self) -> None:
        """Drop everything, written or not."""
        self._states.clear()
        for state in (self._dirty, self._writing, self._unencoded, self._early):
            state.clear()

    def __len__(self) -> int:
        return sum(map(len, self._states.values()))

    @property
    def dirty_count(self) -> int:
        """States changed or removed since the last snapshot."""
        return sum(map(len, self._dirty.values()))
