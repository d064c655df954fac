"""Small streams of events and whole-state comparison for the tests of learning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from operators.learning.item_updates import ItemUpdates
from operators.recommender import Recommender
from operators.state.item_codec import encode_item
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import encode_user
from operators.state.user_state import UserState
from operators.text.cosines import cosines
from operators.text.index import TextIndex
from schemas.records import Action, CatalogItem, Click, Event, Purchase

START = 1_772_359_200_000  # 2026-03-01T10:00:00Z


def click(number: int, user: str, item: str, seconds: float = 0.0, **fields: object) -> Click:
    """A click with event id e<number>."""
    return Click(f"e{number}", user, item, START + int(seconds * 1000), **fields)  # type: ignore[arg-type]


def text_cosines(text: TextIndex, item: int, others: NDArray[np.int32]) -> NDArray[np.float32]:
    """Cosine of an item's text with each other item's."""
    out = np.empty(len(others), np.float32)
    cosines(item, others, text.arrays(), out)
    return out


class Run:
    """A recommender with its users, fed event by event or in batches, offsets counted per source."""

    def __init__(self, parameters: Parameters | None = None, partitions: int = 1, seed: int = 7) -> None:
        self.parameters = parameters or Parameters(factors=8, neighbours=12, successors=6)
        self.index = ItemIndex(self.parameters, lambda key: sum(key) % partitions)
        self.recommender = Recommender(self.parameters, self.index, seed)
        self.users: dict[str, UserState] = {}
        self.offset = 0

    def user(self, user_id: str) -> UserState:
        if user_id not in self.users:
            self.users[user_id] = UserState.fresh(user_id, self.parameters)
        return self.users[user_id]

    def observe(self, event: Event, time_ms: int | None = None):  # type: ignore[no-untyped-def]
        """Observe with the next offset of source 0."""
        when = event.occurred_at if time_ms is None else time_ms
        observation = self.recommender.observe(self.user(event.user_id), event, when, 0, self.offset)
        self.offset += 1
        return observation

    def learn(self, *events: Event) -> list[object]:
        """Observe, flush and apply, one event at a time."""
        observations = []
        for event in events:
            observations.append(self.observe(event))
            updates = self.recommender.flush()
            if updates is not None:
                self.recommender.apply(updates)
        return observations

    def updates(self, *events: Event) -> ItemUpdates:
        """Observe and flush as one batch."""
        for event in events:
            self.observe(event)
        updates = self.recommender.flush()
        assert updates is not None
        return updates

    def user_bytes(self) -> dict[str, bytes]:
        return {user_id: encode_user(state, self.index) for user_id, state in sorted(self.users.items())}

    def item_bytes(self, partition: int | None = None) -> dict[str, bytes]:
        return item_bytes(self.index, partition)

    def row(self, item_id: str) -> int:
        return self.index.lookup[item_id]

    def neighbours(self, item_id: str) -> dict[str, float]:
        """Neighbours of an item by id."""
        row = self.row(item_id)
        return _entries(self.index, self.index.neighbour_items[row], self.index.neighbour_weights[row])

    def successors(self, item_id: str) -> dict[str, float]:
        row = self.row(item_id)
        return _entries(self.index, self.index.successor_items[row], self.index.successor_weights[row])


def item_bytes(index: ItemIndex, partition: int | None = None) -> dict[str, bytes]:
    """Encoded rows that were learned, by id; of one partition or of all."""
    return {
        item_id: encode_item(index, row)
        for item_id, row in sorted(index.lookup.items())
        if index.learned[row] and partition in (None, int(index.partition[row]))
    }


def fingerprint(index: ItemIndex) -> bytes:
    """Every learned number of the index, by item id."""
    return b"".join(name.encode() + data for name, data in item_bytes(index).items())


def random_events(seed: int, count: int, users: int = 4, items: int = 15) -> list[Event]:
    """Clicks, ratings, negatives and purchases with mostly rising times, a few of them late."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    for number in range(count):
        user, item = f"u{rng.integers(users)}", f"i{rng.integers(items)}"
        late = int(rng.integers(0, 40_000_000)) if rng.random() < 0.1 else 0
        when = START + number * 600_000 - late
        kind = rng.random()
        if kind < 0.2:
            events.append(Purchase(f"e{number}", user, item, when))
        elif kind < 0.3:
            events.append(Click(f"e{number}", user, item, when, Action.DISLIKE))
        elif kind < 0.5:
            events.append(Click(f"e{number}", user, item, when, Action.RATE, float(rng.integers(0, 6))))
        else:
            events.append(Click(f"e{number}", user, item, when))
    return events


def _entries(index: ItemIndex, items: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    return {index.ids[item]: float(weight) for item, weight in zip(items.tolist(), weights, strict=True) if item >= 0}


FILMS = Parameters(factors=8, neighbours=12, successors=6)
THEMES = ("space opera", "green tea", "steam train")


def shop(items: int = 60, parameters: Parameters = FILMS) -> Run:
    """A catalogue of three themes, and thirty users who keep to theirs and never repeat."""
    run = Run(parameters)
    for n in range(items):
        theme = THEMES[n % 3]
        run.index.set_catalog(CatalogItem(f"i{n}", f"{theme} {n}".title(), categories=(theme.split()[0],)))
    rng, events = np.random.default_rng(2), list[Event]()
    for user in range(30):
        own = rng.permutation(items // 3)[:12]
        events += [
            click(100 * user + n, f"u{user}", f"i{3 * own[n] + user % 3}", n * 600 + user) for n in range(len(own))
        ]
    events.sort(key=lambda event: event.occurred_at)
    run.learn(*events)
    return run
