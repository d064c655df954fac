"""States as dictionaries, as a plain Faust program keeps them in its tables."""

from __future__ import annotations

from array import array
from typing import Any

import msgspec
import numpy as np
from faust.serializers import codecs
from faust.utils.json import on_default

from operators import ItemIndex, Parameters, UserState

_COUNTERS = ("clicks", "searches", "purchases", "impressions", "negatives", "learned", "repeat_events")


class _FastJson(codecs.Codec):  # type: ignore[misc]
    """JSON by msgspec: several times faster than Faust's own without orjson."""

    def _dumps(self, value: Any) -> bytes:
        return msgspec.json.encode(value, enc_hook=on_default)

    def _loads(self, data: bytes) -> Any:
        return msgspec.json.decode(data)


def use_fast_json() -> None:
    """Have all tables of this process write their JSON so."""
    codecs.register("json", _FastJson())


def user_value(state: UserState, index: ItemIndex) -> dict[str, Any]:
    """Everything that is kept of a user, items by id (recommended lists left out: this program makes none)."""
    ids = index.ids
    value: dict[str, Any] = {name: getattr(state, name) for name in _COUNTERS}
    return value | {
        "applied": state.applied,
        "factors": state.factors.tolist(),
        "recent_items": [ids[item] for item in state.recent_items],
        "recent_times": state.recent_times.tolist(),
        "recent_actions": state.recent_actions.tolist(),
        "queries": state.queries,
        "consumed": {ids[item]: count for item, count in state.consumed.items()},
        "banned": [ids[item] for item in state.banned],
        "event_ids": state.event_ids.hex(),
    }


def user_state(user_id: str, value: dict[str, Any], index: ItemIndex, parameters: Parameters) -> UserState:
    """The state behind a value of :func:`user_value`."""
    intern = index.intern
    state = UserState.fresh(user_id, parameters)
    for name in _COUNTERS:
        setattr(state, name, value[name])
    state.applied = {int(source): offset for source, offset in value["applied"].items()}
    state.factors[:] = value["factors"]
    state.recent_items = array("i", map(intern, value["recent_items"]))
    state.recent_times = array("q", value["recent_times"])
    state.recent_actions = array("B", value["recent_actions"])
    state.queries = [(text, time) for text, time in value["queries"]]
    state.consumed = {intern(item): count for item, count in value["consumed"].items()}
    state.banned = dict.fromkeys(map(intern, value["banned"]))
    state.event_ids = bytearray.fromhex(value["event_ids"])
    return state


def item_value(index: ItemIndex, item: int) -> dict[str, Any]:
    """Everything that was learned of an item, other items by id."""
    return {
        "factors": index.factors[item].tolist(),
        "neighbours": _weights(index, index.neighbour_items[item], index.neighbour_weights[item]),
        "neighbour_total": float(index.neighbour_total[item]),
        "neighbour_at": int(index.neighbour_at[item]),
        "successors": _weights(index, index.successor_items[item], index.successor_weights[item]),
        "successor_total": float(index.successor_total[item]),
        "successor_at": int(index.successor_at[item]),
        "popularity": float(index.popularity[item]),
        "popularity_at": int(index.popularity_at[item]),
        "interactions": float(index.interactions[item]),
        "repeats": float(index.repeats[item]),
    }


def _weights(index: ItemIndex, items: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]) -> dict[str, float]:
    ids = index.ids
    return {ids[item]: weight for item, weight in zip(items.tolist(), weights.tolist(), strict=True) if item >= 0}
