"""User state as bytes, and back: MessagePack of one record with a table of item ids, in the frame of `framing`."""

from __future__ import annotations

from array import array
from itertools import chain, islice
from typing import Any

import msgspec
import numpy as np

from operators.kernels.selection import renumber
from operators.kernels.stable_hash import stable_hash
from operators.state.errors import corrupt
from operators.state.item_index import ItemIndex
from operators.state.sealing import seal, unseal
from operators.state.user_state import ACTIONS, Shown, UserState

KIND = b"U"
VERSION = 2


class _Shown(msgspec.Struct, array_like=True):
    recommendation_id: str
    items: list[int]
    impressed: bytes
    clicked: bytes


class _User(msgspec.Struct, array_like=True):
    """Format 2. `ids` are strings; items are places in it, and the first ones are `consumed`, in order."""

    ids: msgspec.Raw
    applied: dict[int, int]
    clicks: int
    searches: int
    purchases: int
    impressions: int
    negatives: int
    learned: int
    repeat_events: int
    factors: bytes
    recent_items: list[int]
    recent_times: list[int]
    recent_actions: bytes
    queries: list[tuple[str, int]]
    consumed: list[int]
    banned: list[int]
    event_ids: bytes | dict[int, int]
    """In format 1 a map of two little-endian numbers, the halves of what is an entry now."""
    shown: list[_Shown]
    rate_minute: int
    rate_count: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_User)

_fields = _User.__struct_fields__
_Minute = msgspec.defstruct(
    "_Minute",
    [*((name, msgspec.Raw) for name in _fields[: _fields.index("rate_minute")]), ("rate_minute", int)],
    array_like=True,
)
_minute_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(_Minute)


def encode_user(state: UserState, index: ItemIndex) -> bytes:
    """Bytes of the state, at most `Parameters.max_state_bytes` where ids of 256 bytes and more allow it.

    What does not fit is left out of the bytes, the oldest first: half of the consumed items and of the history at
    a time, then recommended lists and queries, then bans. `state` itself is not changed.
    """
    data = _encode(state, index)
    if len(data) <= index.parameters.max_state_bytes:
        return data
    return _encode_within(state, index, index.parameters.max_state_bytes)


def decode_user(user_id: str, data: bytes, index: ItemIndex) -> UserState:
    """The state behind bytes of `encode_user`; unknown items are interned.

    Factors of another length than `Parameters.factors` are cut or padded with zeros; longer histories are cut.
    Raises `StateCorruptError` and `StateVersionError`.
    """
    what = f"state of user {user_id!r}"
    payload = unseal(what, KIND, VERSION, data)
    try:
        user = _decoder.decode(payload)
        return _restored(user_id, user, index)
    except (msgspec.DecodeError, IndexError, ValueError, OverflowError) as error:
        raise corrupt(what, str(error)) from error


def stored_minute(user_id: str, data: bytes) -> int:
    """`rate_minute` of bytes of `encode_user`, at a tenth of what decoding them costs; raises as `decode_user`."""
    what = f"state of user {user_id!r}"
    try:
        minute: int = _minute_decoder.decode(unseal(what, KIND, VERSION, data)).rate_minute
    except msgspec.DecodeError as error:
        raise corrupt(what, str(error)) from error
    return minute


def _encode(state: UserState, index: ItemIndex) -> bytes:
    named = array("i", state.consumed)
    named.extend(state.banned)
    named.extend(state.recent_items)
    for entry in state.shown:
        named.extend(entry.items)
    numbers = np.array(named, np.int32)
    distinct = np.empty(len(numbers), np.int32)
    count = renumber(numbers, index.mark, distinct)
    places = iter(numbers[len(state.consumed) :].tolist())
    banned, recent = list(islice(places, len(state.banned))), list(islice(places, len(state.recent_items)))
    user = _User(
        index.names.array(distinct[:count]),
        state.applied,
        state.clicks,
        state.searches,
        state.purchases,
        state.impressions,
        state.negatives,
        state.learned,
        state.repeat_events,
        state.factors.tobytes(),
        recent,
        state.recent_times.tolist(),
        state.recent_actions.tobytes(),
        state.queries,
        list(state.consumed.values()),
        banned,
        bytes(state.event_ids),
        [
            _Shown(
                entry.recommendation_id,
                list(islice(places, len(entry.items))),
                _bits(entry.impressed),
                _bits(entry.clicked),
            )
            for entry in state.shown
        ],
        state.rate_minute,
        state.rate_count,
    )
    return seal(KIND, VERSION, _encoder.encode(user))


def _encode_within(state: UserState, index: ItemIndex, limit: int) -> bytes:
    kept = UserState(state.user_id, state.user_hash, state.factors)
    for name in UserState.__slots__:
        setattr(kept, name, getattr(state, name))
    while True:
        if len(kept.consumed) > 1 or len(kept.recent_items) > 1:
            kept.consumed = dict(list(kept.consumed.items())[(len(kept.consumed) + 1) // 2 :])
            newest = (len(kept.recent_items) + 1) // 2
            kept.recent_items = kept.recent_items[:newest]
            kept.recent_times = kept.recent_times[:newest]
            kept.recent_actions = kept.recent_actions[:newest]
        elif kept.shown or kept.queries:
            kept.shown, kept.queries = kept.shown[1:], kept.queries[:-1]
        elif kept.banned:
            kept.banned = dict.fromkeys(list(kept.banned)[(len(kept.banned) + 1) // 2 :])
        else:
            return _encode(kept, index)
        data = _encode(kept, index)
        if len(data) <= limit:
            return data


def _restored(user_id: str, user: _User, index: ItemIndex) -> UserState:
    parameters = index.parameters
    items = index.intern_encoded(user.ids).tolist()
    at = items.__getitem__
    factors = np.zeros(parameters.factors, np.float32)
    stored = np.frombuffer(user.factors, np.float32)[: parameters.factors]
    factors[: len(stored)] = stored
    actions = array("B", user.recent_actions)
    if not len(user.recent_items) == len(user.recent_times) == len(actions) or max(actions, default=0) >= len(ACTIONS):
        raise ValueError("the history's columns do not fit together")
    newest = parameters.history
    return UserState(
        user_id,
        stable_hash(user_id),
        factors,
        user.applied,
        user.clicks,
        user.searches,
        user.purchases,
        user.impressions,
        user.negatives,
        user.learned,
        user.repeat_events,
        array("i", map(at, user.recent_items[:newest])),
        array("q", user.recent_times[:newest]),
        actions[:newest],
        user.queries,
        dict(zip(items, user.consumed, strict=False)),
        dict.fromkeys(map(at, user.banned)),
        _event_ids(user.event_ids),
        [
            Shown(
                entry.recommendation_id,
                array("i", map(at, entry.items)),
                _number(entry.impressed),
                _number(entry.clicked),
            )
            for entry in user.shown
        ],
        user.rate_minute,
        user.rate_count,
    )


def _event_ids(stored: bytes | dict[int, int]) -> bytearray:
    if isinstance(stored, bytes):
        return bytearray(stored)
    return bytearray().join(number.to_bytes(8, "little") for number in chain.from_iterable(stored.items()))


def _bits(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _number(mask: bytes) -> int:
    return int.from_bytes(mask, "little")
