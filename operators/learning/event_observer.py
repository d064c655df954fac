"""The bookkeeping of one event in its user's state, and what of it the learners get to see.

Rules, each held by a test:

- An event whose source offset the state contains is ignored. An event id seen among the user's last
  `Parameters.event_ids` (64) with the same content is a duplicate and teaches nothing; with other content it is learned
  and reported as a collision.
- What others see is moved by people, not by events: the first positive action or purchase of a user on an item counts
  1 in popularity, co-occurrence and transitions, all later ones count nobody. (Who comes back to an item teaches what
  goes with it `RETURNS` times more.) How much an action tells about preference is `action_weights`, for matrix
  factorisation only, which learns no action that only says again what the last one said.
- A rating of at most `low_rating` of the scale makes nothing popular; the item is known as one that the user dislikes.
- An occasion is what a person would call one: looking at a thing, taking it to the cart, buying and rating it are one.
  A user comes back to an item by taking it again (a click, view or play, or a purchase after a purchase) after another
  item, or `OCCASION_GAP` later. For each item that counts once a user.
- Purchases count apart: pairs of items that one user bought, and items that one user bought on several occasions.
- skip, hide and dislike ban the item for this user, count in nothing, and are one negative step of matrix
  factorisation. **Only a later purchase of the item lifts the ban**; clicks, likes and ratings do not.
- An event older than the newest of the history takes its place by time. It is learned into counts and co-occurrence
  (with the recent items as they are now), but never becomes the last item and makes no transition.
- Impressions and clicks count once a position of a list that was really recommended (the last `Parameters.shown`);
  an impression teaches nothing else.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b

import msgspec

from operators.learning.event_batch import EventBatch
from operators.learning.item_updates import BOUGHT, COUNTED, LOW, REBOUGHT, RETURNED
from operators.learning.observation import ANSWERED, DUPLICATE, IGNORED, UNANSWERED, Observation, Status
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_columns import Bought
from operators.state.user_state import ACTION_CODES, CODE, DISLIKED, EVENT_ID_BYTES, LIKED, UserState
from schemas.records import Click, Event, Impression, Purchase, Search

_encode = msgspec.msgpack.Encoder().encode
_PURCHASE = ACTION_CODES["purchase"]
_RATE = ACTION_CODES["rate"]
_TAKEN = {*map(ACTION_CODES.__getitem__, ("click", "view", "play"))}
"""Actions by which an item is taken; the others say something about one that was."""

RETURNS = 3
"""That many times a user who comes back to an item teaches what others do with it before and after."""
RETURNS_OF_ALL = 5
"""That many items to which a user comes back count for what people at large come back to."""

OCCASION_GAP = 30 * 60_000
"""Milliseconds after which the same item is taken on another occasion, also if nothing came between."""


class EventObserver:
    """Applies events to user states and collects them in an `EventBatch`."""

    def __init__(self, parameters: Parameters, index: ItemIndex, batch: EventBatch) -> None:
        """Raises `ValueError` when an action has no weight."""
        missing = sorted(set(ACTION_CODES) - set(parameters.action_weights))
        if missing:
            raise ValueError(f"Parameters.action_weights lacks {', '.join(missing)}")
        self._parameters = parameters
        self._index = index
        self._batch = batch
        self._actions = {name: (code, parameters.action_weights[name]) for name, code in ACTION_CODES.items()}

    def observe(self, state: UserState, event: Event, time_ms: int, source: int, offset: int) -> Observation:
        """Take one event into the state. `time_ms`: event time, already clamped; see the module for the rules."""
        if offset <= state.applied.get(source, -1):
            return IGNORED
        state.applied[source] = offset
        collision = self._is_known(state, event)
        if collision is None:
            return DUPLICATE
        state.learned += 1
        if isinstance(event, Click):
            observation = self._click(state, event, time_ms, source, offset)
        elif isinstance(event, Purchase):
            observation = self._purchase(state, event, time_ms, source, offset)
        elif isinstance(event, Search):
            observation = self._search(state, event, time_ms)
        else:
            observation = self._impression(state, event)
        return msgspec.structs.replace(observation, collision=True) if collision else observation

    def _is_known(self, state: UserState, event: Event) -> bool | None:
        """None: an exact duplicate; True: the id was used for something else; False: a new id."""
        event_id = blake2b(event.event_id.encode(), digest_size=8).digest()
        content = blake2b(_encode((type(event).__name__, event)), digest_size=8).digest()
        known = state.event_ids
        at = known.find(event_id)
        while at >= 0 and at % EVENT_ID_BYTES:
            at = known.find(event_id, at + 1)
        if at < 0:
            known += event_id + content
            if len(known) > self._parameters.event_ids * EVENT_ID_BYTES:
                del known[:EVENT_ID_BYTES]
            return False
        former = known[at + len(event_id) : at + EVENT_ID_BYTES]
        del known[at : at + EVENT_ID_BYTES]
        known += event_id + content
        return None if former == content else True

    def _click(self, state: UserState, event: Click, time_ms: int, source: int, offset: int) -> Observation:
        state.clicks += 1
        item = self._index.intern(event.item_id)
        code, preference = self._actions[event.action]
        if preference < 0.0:
            self._ban(state, item, preference, time_ms, source, offset)
            return ANSWERED
        clipped = False
        if code == _RATE and event.value is not None:
            parameters = self._parameters
            share = event.value / parameters.rating_scale
            clipped = not 0.0 <= share <= 1.0
            if clipped:
                share = 1.0 if share > 1.0 else 0.0
            preference *= share
            code |= DISLIKED if share <= parameters.low_rating else LIKED if share >= parameters.high_rating else 0
        self._consume(state, item, code, preference, time_ms, source, offset)
        attributed = -1
        if event.recommendation_id is not None:
            attributed = _attribute(state, event.recommendation_id, item)
        if clipped or attributed >= 0:
            return Observation(Status.LEARNED, answers=True, attributed=attributed, clipped=clipped)
        return ANSWERED

    def _purchase(self, state: UserState, event: Purchase, time_ms: int, source: int, offset: int) -> Observation:
        state.purchases += 1
        item = self._index.intern(event.item_id)
        state.banned.pop(item, None)
        code, preference = self._actions["purchase"]
        self._consume(state, item, code, preference, time_ms, source, offset)
        self._buy(state, item, time_ms, source, offset)
        if event.recommendation_id is not None:
            attributed = _attribute(state, event.recommendation_id, item)
            if attributed >= 0:
                return Observation(Status.LEARNED, answers=True, attributed=attributed)
        return ANSWERED

    def _search(self, state: UserState, event: Search, time_ms: int) -> Observation:
        state.searches += 1
        queries = state.queries
        place = 0
        while place < len(queries) and queries[place][1] > time_ms:
            place += 1
        queries.insert(place, (event.query[: self._parameters.query_length], time_ms))
        del queries[self._parameters.queries :]
        return ANSWERED

    def _impression(self, state: UserState, event: Impression) -> Observation:
        state.impressions += 1
        counted = 0
        for shown in state.shown:
            if shown.recommendation_id == event.recommendation_id:
                lookup = self._index.lookup
                seen = {lookup.get(item_id, -1) for item_id in event.item_ids}
                for position, item in enumerate(shown.items):
                    if item in seen and not shown.impressed >> position & 1:
                        shown.impressed |= 1 << position
                        counted += 1
        return Observation(Status.LEARNED, impressions_counted=counted) if counted else UNANSWERED

    def _ban(self, state: UserState, item: int, preference: float, time_ms: int, source: int, offset: int) -> None:
        state.negatives += 1
        banned = state.banned
        banned.pop(item, None)
        banned[item] = None
        if len(banned) > self._parameters.banned:
            del banned[next(iter(banned))]
        self._batch.append(state, source, offset, time_ms, item, -1, 0, state.recent_items, 0.0, preference)

    def _consume(
        self, state: UserState, item: int, code: int, preference: float, time_ms: int, source: int, offset: int
    ) -> None:
        """`code`: of the action, with the bits of `recent_actions`."""
        consumed = state.consumed
        former = consumed.pop(item, 0)
        items, times = state.recent_items, state.recent_times
        place = 0 if not times or time_ms >= times[0] else _place_by_time(times, time_ms)
        previous = items[0] if times and place == 0 else -1
        if not former:
            consumed[item] = 1
            if len(consumed) > self._parameters.consumed:
                del consumed[next(iter(consumed))]
            marks = LOW if code & DISLIKED else 0
            self._batch.append(state, source, offset, time_ms, item, previous, marks, items, 1.0, preference)
        else:
            last = items.index(item) if item in items else -1
            again = _is_occasion(state, item, code, last, time_ms)
            consumed[item] = former + again
            state.repeat_events += again
            teaches = again and former <= RETURNS and previous != item
            marks = COUNTED
            if again and former == 1 and state.repeat_events <= RETURNS_OF_ALL:
                marks |= RETURNED
            if again or last < 0 or state.recent_actions[last] != code:
                if not teaches:
                    previous = -1
                weight = 1.0 if teaches else 0.0
                self._batch.append(state, source, offset, time_ms, item, previous, marks, items, weight, preference)
        items.insert(place, item)
        times.insert(place, time_ms)
        state.recent_actions.insert(place, code)
        if len(items) > self._parameters.history:
            items.pop()
            times.pop()
            state.recent_actions.pop()

    def _buy(self, state: UserState, item: int, time_ms: int, source: int, offset: int) -> None:
        """Note the purchase, which `_consume` has taken into the history."""
        bought = state.bought
        former = bought.pop(item, None)
        if former is None:
            others = array("i", reversed(bought))
            bought[item] = Bought(1, time_ms, time_ms)
            self._batch.append(state, source, offset, time_ms, item, -1, BOUGHT, others, 0.0, 0.0)
            if len(bought) > self._parameters.bought:
                del bought[next(iter(bought))]
            return
        first, last = min(former.first, time_ms), max(former.last, time_ms)
        if not _is_another_purchase(state, item, former, time_ms):
            bought[item] = Bought(former.occasions, first, last)
            return
        bought[item] = Bought(former.occasions + 1, first, last)
        if former.occasions == 1:
            self._batch.append(
                state, source, offset, time_ms, item, -1, REBOUGHT, _NOTHING, 0.0, 0.0, float(last - first)
            )


_NOTHING = array("i")


def _is_occasion(state: UserState, item: int, code: int, last: int, time_ms: int) -> bool:
    """Whether the user takes an item again that was taken before; `last`: its newest place in the history, -1: none."""
    if code & CODE == _PURCHASE:
        former = state.bought.get(item)
        return former is not None and _is_another_purchase(state, item, former, time_ms)
    if code & CODE not in _TAKEN:
        return False
    return last != 0 or abs(time_ms - state.recent_times[0]) >= OCCASION_GAP


def _is_another_purchase(state: UserState, item: int, former: Bought, time_ms: int) -> bool:
    """Whether a purchase is an occasion of its own: long after the one before, or with another item between."""
    if abs(time_ms - former.last) >= OCCASION_GAP:
        return True
    between = zip(state.recent_items, state.recent_times, strict=True)
    return any(other != item and former.last < time < time_ms for other, time in between)


def _place_by_time(times: array[int], time_ms: int) -> int:
    """Where an event of this time belongs in times that run from new to old; before those of the same time."""
    place = 0
    while place < len(times) and times[place] > time_ms:
        place += 1
    return place


def _attribute(state: UserState, recommendation_id: str, item: int) -> int:
    """Mark the item's position in the recommended list as clicked; -1 when it is not there or was marked before."""
    for shown in state.shown:
        if shown.recommendation_id == recommendation_id and item in shown.items:
            position = shown.items.index(item)
            if shown.clicked >> position & 1:
                return -1
            shown.clicked |= 1 << position
            return position
    return -1
