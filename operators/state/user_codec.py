"""User state as bytes, and back: a MessagePack array with a table of item ids, behind the header of `sealing`.

Place 0 is the table; `UserState` says what stands in the others.

>>> from operators.state.parameters import Parameters
>>> here, there = ItemIndex(Parameters()), ItemIndex(Parameters())
>>> state = UserState.fresh("u", here.parameters)
>>> state.consumed[here.intern("film")] = 3
>>> there.intern("book")
0
>>> decode_user("u", encode_user(state, here), there).consumed
{1: 3}
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from copy import copy
from dataclasses import MISSING, Field, fields
from functools import partial
from itertools import takewhile
from operator import attrgetter, itemgetter
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from msgspec import structs

from operators.kernels.selection import renumber
from operators.kernels.stable_hash import stable_hash
from operators.state.errors import corrupt
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.sealing import seal, unseal
from operators.state.user_columns import Form
from operators.state.user_state import ACTIONS, CODE, UserState

KIND = b"U"
VERSION = 2
_CODES = bytes(action & CODE for action in range(256))
_FIRST_PLACES = 20
"""So many had the first states: one that lacks any of them is damaged. Later places may be missing."""


class _Column(NamedTuple):
    name: str
    place: int
    form: Form | None
    turn: int
    stored: tuple[str, Any] | tuple[str, Any, Any]
    """Name and type in the stored array and, where a state may lack it, what it is then."""


def _columns() -> Iterator[_Column]:
    hints = get_type_hints(UserState, include_extras=True)
    for column in fields(UserState):
        if get_origin(hints[column.name]) is Annotated:
            kind, stored = get_args(hints[column.name])
            place, form = stored.place, stored.form
            as_stored: Any = (column.name, form.type if form else kind)
            if place >= _FIRST_PLACES:
                as_stored += (msgspec.field(default_factory=partial(_empty, column, form)),)
            yield _Column(column.name, place, form, stored.turn, as_stored)


def _empty(column: Field[Any], form: Form | None) -> Any:
    value = column.default if column.default_factory is MISSING else column.default_factory()
    return form.write(value, _NO_PLACES) if form else value


_NO_PLACES = np.empty(0, np.int32)
_declared = [*_columns()]
_stored = sorted(_declared, key=attrgetter("place"))
_User = msgspec.defstruct("_User", [("ids", msgspec.Raw), *(column.stored for column in _stored)], array_like=True)
_names = [*takewhile("rate_minute".__ne__, _User.__struct_fields__)]
_Minute = msgspec.defstruct(
    "_Minute", [*((name, msgspec.Raw) for name in _names), ("rate_minute", int)], array_like=True
)
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(_User)
_minute_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(_Minute)

_to_places = attrgetter(*(column.name for column in _stored))
_from_places = itemgetter(*(column.place for column in _declared))
_forms = [(column.place, column.turn, column.form) for column in _stored if column.form]
_in_turn = [(place, form.items, form.write) for place, turn, form in sorted(_forms, key=itemgetter(1)) if turn]
_writers = [(place, form.write) for place, turn, form in _forms if not turn]
_readers = [(number, column.form.read) for number, column in enumerate(_declared) if column.form]


def encode_user(state: UserState, index: ItemIndex) -> bytes:
    """Bytes of the state, at most `Parameters.max_state_bytes` where ids of 256 bytes and more allow it.

    What does not fit is left out of the bytes, the oldest first: half of the consumed items and of the history at
    a time, then purchases, recommended lists and queries, then bans. `state` itself is not changed.
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
        return _restored(user_id, _decoder.decode(payload), index)
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
    record = [None, *_to_places(state)]
    named, parts = array("i"), []
    for place, items_in, write in _in_turn:
        value, record[place] = record[place], ()
        if value:
            first = len(named)
            named.extend(items_in(value))
            parts.append((place, write, value, first, len(named)))
    places = np.array(named, np.int32)
    distinct = np.empty(len(places), np.int32)
    count = renumber(places, index.mark, distinct)
    record[0] = index.names.array(distinct[:count])
    for place, write, value, first, last in parts:
        record[place] = write(value, places[first:last])
    for place, write in _writers:
        record[place] = write(record[place], _NO_PLACES)
    return seal(KIND, VERSION, _encoder.encode(record))


def _encode_within(state: UserState, index: ItemIndex, limit: int) -> bytes:
    kept = copy(state)
    while True:
        if len(kept.consumed) > 1 or len(kept.recent_items) > 1:
            kept.consumed = dict(list(kept.consumed.items())[(len(kept.consumed) + 1) // 2 :])
            newest = (len(kept.recent_items) + 1) // 2
            kept.recent_items = kept.recent_items[:newest]
            kept.recent_times = kept.recent_times[:newest]
            kept.recent_actions = kept.recent_actions[:newest]
        elif len(kept.bought) > 1:
            kept.bought = dict(list(kept.bought.items())[(len(kept.bought) + 1) // 2 :])
        elif kept.shown or kept.queries:
            kept.shown, kept.queries = kept.shown[1:], kept.queries[:-1]
        elif kept.banned:
            kept.banned = dict.fromkeys(list(kept.banned)[(len(kept.banned) + 1) // 2 :])
        else:
            return _encode(kept, index)
        data = _encode(kept, index)
        if len(data) <= limit:
            return data


def _restored(user_id: str, stored: Any, index: ItemIndex) -> UserState:
    items = index.intern_encoded(stored.ids).tolist()
    values = list(_from_places(structs.astuple(stored)))
    for number, read in _readers:
        values[number] = read(values[number], items)
    state = UserState(user_id, stable_hash(user_id), *values)
    _fit(state, index.parameters)
    return state


def _fit(state: UserState, parameters: Parameters) -> None:
    """Cut or pad what another process with other parameters may have stored longer or shorter."""
    items, times, actions = state.recent_items, state.recent_times, state.recent_actions
    if not len(items) == len(times) == len(actions) or max(bytes(actions).translate(_CODES), default=0) >= len(ACTIONS):
        raise ValueError("the history's columns do not fit together")
    if len(items) > parameters.history:
        del items[parameters.history :], times[parameters.history :], actions[parameters.history :]
    if len(state.factors) != parameters.factors:
        factors = np.zeros(parameters.factors, np.float32)
        factors[: len(state.factors)] = state.factors[: parameters.factors]
        state.factors = factors
