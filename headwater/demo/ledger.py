"""What has happened in a shop, kept in the plainest way: sets of people, lists of times, no estimates.

It knows nothing of the program that it is held against (`headwater.demo.claims`): no operators, no stored states.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from headwater.importers.replay_file import ReplayLine
from streams.topology import CATALOG_ITEMS, PURCHASE, SEARCH

LOW_RATING, HIGH_RATING = 2.5, 3.5
"""Of five: what is below the one is no sign of liking, what is not below the other is one."""
LIKING = frozenset({"like", "favorite", PURCHASE.suffix})
OCCASION_MS = 30 * 60_000
"""What a person does with a good within half an hour, and with no other good between, is one occasion."""


class Touch(NamedTuple):
    """Something that a person did with a good and did not mean badly; ``at``: when it was sent, in seconds."""

    item_id: str
    time_ms: int
    at: float
    bought: bool
    liked: bool


@dataclass(slots=True)
class Person:
    """What one has done."""

    touches: dict[str, list[Touch]] = field(default_factory=dict)
    """By good, in the order in which they were sent."""
    last: list[str] = field(default_factory=list)
    """The goods of the latest time, nearly always one, the last that was sent at the end."""
    last_ms: int = 0
    disliked: set[str] = field(default_factory=set)
    last_query: str | None = None

    def has(self, item_id: str) -> bool:
        """Whether the person did anything with the good."""
        return item_id in self.touches

    def purchases(self, item_id: str) -> list[int]:
        """When the person bought the good."""
        return sorted(touch.time_ms for touch in self.touches.get(item_id, ()) if touch.bought)

    def likes(self, item_id: str) -> bool:
        """By a like, a high rating or a purchase."""
        return any(touch.liked for touch in self.touches.get(item_id, ()))

    def add(self, touch: Touch) -> None:
        self.touches.setdefault(touch.item_id, []).append(touch)
        if touch.time_ms > self.last_ms:
            self.last, self.last_ms = [], touch.time_ms
        if touch.time_ms == self.last_ms:
            self.last.append(touch.item_id)


class Event(NamedTuple):
    """One event as sent: whose, what, when (``at`` in seconds, ``time_ms`` of the event)."""

    user_id: str
    item_id: str | None
    query: str | None
    locale: str | None
    time_ms: int
    at: float
    is_purchase: bool


class Ledger:
    """Takes the lines in the order in which they are sent."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        """The last row of each good."""
        self._in_category: Counter[str] = Counter()
        self.gone: dict[str, float] = {}
        """Goods that may not be recommended any more, and since when (``at``)."""
        self.people: defaultdict[str, Person] = defaultdict(Person)
        self.events: dict[str, Event] = {}
        """By their ids."""
        self.touched_by: defaultdict[str, dict[str, Touch]] = defaultdict(dict)
        """By good: the first touch of each person."""
        self.had_by: defaultdict[str, set[str]] = defaultdict(set)
        """By good: who did anything with it, a low rating included."""
        self.lately: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """By good: the time of each person's last touch."""
        self.bought_by: defaultdict[str, set[str]] = defaultdict(set)
        self.bought_again_by: defaultdict[str, set[str]] = defaultdict(set)
        """By good: who bought it on two occasions at least."""
        self.came_back_to: defaultdict[str, set[str]] = defaultdict(set)
        """By good: who did something with it on two occasions at least."""
        self.followed_by: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        """By pair of goods: who went on from the first directly to the second."""

    def take(self, line: ReplayLine, at: float) -> None:
        """Enter a line that is sent ``at`` this moment (seconds of any clock that never goes back)."""
        if line["topic"] == CATALOG_ITEMS.suffix:
            self._catalogue(line, at)
            return
        value = line["value"]
        purchase = line["topic"] == PURCHASE.suffix
        item, query, locale = (value.get(name) for name in ("item_id", "query", "locale"))
        event = Event(value["user_id"], item, query, locale, value["occurred_at"], at, purchase)
        self.events[value["event_id"]] = event
        if line["topic"] == SEARCH.suffix:
            self.people[event.user_id].last_query = event.query
        else:
            self._touch(event, PURCHASE.suffix if purchase else value["action"], value.get("value"))

    def category_share(self, category: str) -> float:
        """Share of the goods that have the category."""
        return self._in_category[category] / max(len(self.rows), 1)

    def _catalogue(self, line: ReplayLine, at: float) -> None:
        value = line["value"]
        item = line["key"] if value is None else value["item_id"]
        if value is not None:
            self._in_category.subtract(self.rows.get(item, {"categories": ()})["categories"])
            self._in_category.update(value["categories"])
            self.rows[item] = value
        if value is None or not value.get("available", True):
            self.gone[item] = at
        else:
            self.gone.pop(item, None)

    def _touch(self, event: Event, action: str, value: float | None) -> None:
        user, item = event.user_id, event.item_id
        assert item is not None
        person = self.people[user]
        self.had_by[item].add(user)
        if action == "rate" and value is not None and value < LOW_RATING:
            person.disliked.add(item)
            return
        liked = action in LIKING or (action == "rate" and value is not None and value >= HIGH_RATING)
        before = person.last[-1] if person.last else None
        if before is not None and before != item:
            self.followed_by[before, item].add(user)
        if person.has(item) and (before != item or event.time_ms - person.touches[item][-1].time_ms >= OCCASION_MS):
            self.came_back_to[item].add(user)
        if event.is_purchase:
            self.bought_by[item].add(user)
            if any(abs(event.time_ms - other) >= OCCASION_MS for other in person.purchases(item)):
                self.bought_again_by[item].add(user)
        touch = Touch(item, event.time_ms, event.at, event.is_purchase, liked)
        person.add(touch)
        self.touched_by[item].setdefault(user, touch)
        self.lately[item][user] = event.time_ms
