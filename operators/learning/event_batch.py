"""Events of many users collected into columns, and the user side of learning over them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.kernels.counter_rng import mix
from operators.kernels.stable_hash import MASK
from operators.learning.item_updates import BOUGHT, ItemUpdates
from operators.learning.matrix_factorization import draw_negatives, user_step
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState

_USER, _SOURCE, _OFFSET, _TIME, _TARGET, _PREVIOUS, _MARKS, _HISTORY_END, _COLUMNS = range(9)
_WEIGHT, _PREFERENCE, _INTERVAL, _AMOUNTS = range(4)


class EventBatch:
    """Grows by `append`; `learn` moves the users' factors, `flush` also returns the item side's part and empties it."""

    def __init__(self, parameters: Parameters, index: ItemIndex, seed: int) -> None:
        self.parameters = parameters
        self.index = index
        self._seed = np.uint64(seed & MASK)
        self._recent = np.zeros(parameters.negative_pool, np.int32)
        self._distinct = np.zeros(index.capacity, np.int32)
        self._known = np.zeros(index.capacity, np.bool_)
        self._counts = np.zeros(2, np.int64)  # interactions and distinct items learned of so far
        self._found = _Found.of_size(256, parameters)
        self._users: list[UserState] = []
        self._learned = 0
        self._clear()

    def __len__(self) -> int:
        return len(self._amounts) // _AMOUNTS

    def append(
        self, state: UserState, source: int, offset: int, time_ms: int, target: int, previous: int, marks: int,
        history: array[int], count_weight: float, preference: float, interval: float = 0.0,
    ) -> None:  # fmt: skip
        """Add one event. `history`: the user's recent items before it (C ints, newest first, repetitions allowed).

        `count_weight` is for the counting learners (0: none of them), `preference` for matrix factorisation; `marks`
        and `interval` as in `ItemUpdates`.
        """
        row = state.batch_row
        if row < 0:
            row = state.batch_row = len(self._users)
            self._users.append(state)
        self._history.extend(history)
        self._columns.extend((row, source, offset, time_ms, target, previous, marks, len(self._history)))
        self._amounts.extend((count_weight, preference, interval))

    def learn(self) -> None:
        """Learn the user side of the events appended since the last time, in order."""
        events = len(self)
        if events == self._learned:
            return
        p = self.parameters
        self._follow_growth()
        if events > len(self._found.before):
            self._found = _enlarged(self._found, _Found.of_size(2 * events, p))
        factors, hashes = _gather(self._users, p.factors)
        _user_side(
            self._learned, *self._arrays(), factors, hashes, self.index.factors, self._recent, self._distinct,
            self._known, self._counts, self._seed, p.context, p.negatives, p.uniform_negatives,
            p.user_learning_rate, p.regularization, p.max_gradient, p.max_norm, self._found,
        )  # fmt: skip
        for row, state in enumerate(self._users):
            state.factors[:] = factors[row]
            state.batch_row = -1
        self._users = []
        self._learned = events

    def flush(self) -> ItemUpdates | None:
        """What the items have to learn of all events since the last flush; None when there are none."""
        self.learn()
        events = len(self)
        if events == 0:
            return None
        columns, amounts, _ = self._arrays()
        found = self._found
        pairs, examples = int(found.context_start[events]), int(found.sgd_start[events])
        updates = ItemUpdates(
            source=columns[:, _SOURCE].astype(np.int32),
            offset=columns[:, _OFFSET].copy(),
            time=columns[:, _TIME].copy(),
            target=columns[:, _TARGET].astype(np.int32),
            weight=amounts[:, _WEIGHT].copy(),
            marks=columns[:, _MARKS].astype(np.uint8),
            interval=amounts[:, _INTERVAL].copy(),
            previous=columns[:, _PREVIOUS].astype(np.int32),
            context_start=found.context_start[: events + 1].copy(),
            context=found.context[:pairs].copy(),
            context_rank=found.context_rank[:pairs].copy(),
            user_factors=found.before[:events].astype(np.float16).astype(np.float32),
            sgd_start=found.sgd_start[: events + 1].copy(),
            sgd_item=found.sgd_item[:examples].copy(),
            sgd_coefficient=found.sgd_coefficient[:examples].copy(),
        )
        self._clear()
        return updates

    def _arrays(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int32]]:
        """Columns, amounts and histories as arrays; while they live, nothing can be appended."""
        columns = np.frombuffer(self._columns, np.int64).reshape(-1, _COLUMNS)
        amounts = np.frombuffer(self._amounts, np.float32).reshape(-1, _AMOUNTS)
        history = np.frombuffer(self._history, np.int32) if self._history else _EMPTY
        return columns, amounts, history

    def _follow_growth(self) -> None:
        more = self.index.capacity - len(self._known)
        if more > 0:
            self._known = np.concatenate((self._known, np.zeros(more, np.bool_)))
            self._distinct = np.concatenate((self._distinct, np.zeros(more, np.int32)))

    def _clear(self) -> None:
        self._columns = array("q")
        self._amounts = array("f")
        self._history = array("i")
        self._learned = 0


class _Found(NamedTuple):
    """What the kernel finds, as in `ItemUpdates`, in arrays with room for more events."""

    context_start: NDArray[np.int32]
    context: NDArray[np.int32]
    context_rank: NDArray[np.uint8]
    before: NDArray[np.float32]
    """f32[events, k]: the users' factors before each event's step."""
    sgd_start: NDArray[np.int32]
    sgd_item: NDArray[np.int32]
    sgd_coefficient: NDArray[np.float32]

    @classmethod
    def of_size(cls, events: int, p: Parameters) -> _Found:
        examples = events * (1 + p.negatives)
        return cls(
            np.zeros(events + 1, np.int32), np.empty(events * p.context, np.int32),
            np.empty(events * p.context, np.uint8), np.empty((events, p.factors), np.float32),
            np.zeros(events + 1, np.int32), np.empty(examples, np.int32), np.empty(examples, np.float32),
        )  # fmt: skip


def _enlarged(old: _Found, larger: _Found) -> _Found:
    """`larger`, with what is in `old`."""
    arrays: Iterable[tuple[NDArray[Any], NDArray[Any]]] = zip(old, larger, strict=True)
    for source, target in arrays:
        target[: len(source)] = source
    return larger


_EMPTY = np.empty(0, np.int32)


def _gather(users: list[UserState], width: int) -> tuple[NDArray[np.float32], NDArray[np.uint64]]:
    if len(users) == 1:
        return users[0].factors.reshape(1, width).copy(), np.array([users[0].user_hash], np.uint64)
    factors = np.concatenate([state.factors for state in users]).reshape(len(users), width)
    return factors, np.array([state.user_hash for state in users], np.uint64)


@njit(cache=True, nogil=True)
def _user_side(  # type: ignore[no-untyped-def]
    first, columns, amounts, history, users, hashes, factors, recent, distinct, known, counts, seed, most, negatives,
    uniform_share, learning_rate, regularization, max_gradient, max_norm, found,
):  # fmt: skip
    """The events from `first` on; those before are in `found` already."""
    context_start, context, context_rank, before = found.context_start, found.context, found.context_rank, found.before
    sgd_start, sgd_item, sgd_coefficient = found.sgd_start, found.sgd_item, found.sgd_coefficient
    pairs, examples = np.int64(context_start[first]), np.int64(sgd_start[first])
    begin = columns[first - 1, _HISTORY_END] if first > 0 else 0
    drawn = np.full(negatives, -1, np.int32)
    gradient = np.empty(users.shape[1], np.float32)
    for event in range(first, len(columns)):
        row, target = columns[event, _USER], columns[event, _TARGET]
        end = columns[event, _HISTORY_END]
        if amounts[event, _WEIGHT] > 0.0 or columns[event, _MARKS] & BOUGHT:
            pairs = _distinct(history, begin, end, target, most, context, context_rank, pairs)
        context_start[event + 1] = pairs
        before[event] = users[row]
        preference = amounts[event, _PREFERENCE]
        if preference != 0.0:
            drawn[:] = -1
            if preference > 0.0:
                key = mix(mix(seed ^ hashes[row]) ^ np.uint64(columns[event, _SOURCE])) + np.uint64(
                    columns[event, _OFFSET]
                )
                draw_negatives(
                    mix(key), recent, counts[0], distinct, counts[1], uniform_share, target, history[begin:end], drawn
                )
            examples = user_step(
                users, row, target, preference, drawn, factors, gradient, learning_rate, regularization,
                max_gradient, max_norm, sgd_item, sgd_coefficient, examples,
            )  # fmt: skip
        sgd_start[event + 1] = examples
        if amounts[event, _WEIGHT] > 0.0:
            recent[counts[0] % len(recent)] = target
            counts[0] += 1
            if not known[target]:
                known[target] = True
                distinct[counts[1]] = target
                counts[1] += 1
        begin = end


@njit(cache=True, nogil=True)
def _distinct(history, begin, end, target, most, context, context_rank, place):  # type: ignore[no-untyped-def]
    """Append the first `most` distinct items of history[begin:end] other than the target; returns the next place."""
    first = place
    for at in range(begin, end):
        if place - first == most:
            break
        item = history[at]
        known = item == target
        for earlier in range(first, place):
            known |= context[earlier] == item
        if not known:
            context[place] = item
            context_rank[place] = place - first
            place += 1
    return place
