"""The recommender: everything that learns and ranks, without a broker, a clock or a file.

`evaluate` drives one instance directly. The streaming stages drive the same parts split by key: the stage of profiles
observes, flushes and ranks, the stage of items applies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from operators.generators.generator import Generator
from operators.generators.registry import GENERATORS
from operators.learning.event_batch import EventBatch
from operators.learning.event_observer import EventObserver
from operators.learning.item_side import apply_updates, rank_weights
from operators.learning.item_updates import ItemUpdates
from operators.learning.observation import Observation
from operators.ranking.ranker import Proposal, RankedList, Ranker
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from schemas.records import Event


class Recommender:
    """Learns from events and ranks items for users; user states are the caller's, item rows are the index's.

    Deterministic: the same events in the same batches give the same bytes. Not for use by two threads at once.

    Three users had tea and then milk, a fourth has had tea:

    >>> from schemas.records import Click
    >>> parameters = Parameters()
    >>> index = ItemIndex(parameters)
    >>> recommender = Recommender(parameters, index)
    >>> users = {name: UserState.fresh(name, parameters) for name in ("ann", "bob", "cem", "dot")}
    >>> clicks = [(user, item) for user in ("ann", "bob", "cem") for item in ("tea", "milk")] + [("dot", "tea")]
    >>> for number, (user, item) in enumerate(clicks):
    ...     event = Click(f"e{number}", user, item, 1_700_000_000_000 + number)
    ...     observation = recommender.learn(users[user], event, event.occurred_at, source=0, offset=number)
    >>> ranked = recommender.rank(users["dot"], now_ms=1_700_000_000_100)
    >>> index.ids[ranked.items[0]], ranked.reasons[0].kind.value, ranked.reasons[0].anchor_item_id
    ('milk', 'co_watched', 'tea')
    """

    def __init__(
        self, parameters: Parameters, index: ItemIndex, seed: int = 0, generators: Sequence[Generator] = GENERATORS
    ) -> None:
        self.parameters = parameters
        self.index = index
        self._batch = EventBatch(parameters, index, seed)
        self._observer = EventObserver(parameters, index, self._batch)
        self._rank_weights = rank_weights(parameters.context_exponent)
        self._ranker = Ranker(parameters, index, generators)

    def observe(self, state: UserState, event: Event, time_ms: int, source: int, offset: int) -> Observation:
        """Take one event into its user's state and into the batch that `flush` learns (`event_observer`).

        `time_ms`: event time, clamped by the caller; `source` and `offset`: where the event stands in which log.
        The state must stay the user's only one until `update_users` or `flush`.
        """
        return self._observer.observe(state, event, time_ms, source, offset)

    def update_users(self) -> None:
        """Move the factors of the users observed since the last call, so that they can be ranked for."""
        self._batch.learn()

    def flush(self) -> ItemUpdates | None:
        """As `update_users`; returns what the items have to learn of all events since the last flush, None for none."""
        return self._batch.flush()

    def apply(
        self, updates: ItemUpdates, partition: int | None = None, message_offset: int = -1,
        fence: Mapping[int, int] | None = None,
    ) -> NDArray[np.int32]:  # fmt: skip
        """Learn the item side into the index; returns the distinct rows touched (`item_side.apply_updates`)."""
        return apply_updates(self.index, updates, self._rank_weights, partition, message_offset, fence)

    def rank(
        self, state: UserState, *, now_ms: int, query: str | None = None, limit: int = 20, exploration_key: int = 0,
        before_eyes: Collection[int] = (),
    ) -> RankedList:  # fmt: skip
        """The best items for the user now (`ranking.Ranker`)."""
        return self._ranker.rank(
            state, now_ms=now_ms, query=query, limit=limit, exploration_key=exploration_key, before_eyes=before_eyes
        )

    def telling_categories(self, one: int, other: int) -> list[str]:
        """Categories that both items have and that are not everybody's (`ranking.Ranker`)."""
        return self._ranker.telling_categories(one, other)

    @property
    def generator_names(self) -> tuple[str, ...]:
        """Names of the candidate generators, those without a voice first."""
        names, voices = self._ranker.generators.names, len(self._ranker.generators.voiced)
        return names[voices:] + names[:voices]

    def propose(self, state: UserState, *, now_ms: int, query: str | None = None, limit: int = 20) -> Proposal:
        """The list of `rank` with all candidates and without reasons (`ranking.Ranker`)."""
        return self._ranker.propose(state, now_ms=now_ms, query=query, limit=limit)

    def popularity_position(self, state: UserState, item: int, *, now_ms: int, k: int = 20) -> int:
        """Where the item stands in the user's plain popularity list (`ranking.Ranker`)."""
        return self._ranker.popularity_position(state, item, now_ms=now_ms, k=k)

    def learn(self, state: UserState, event: Event, time_ms: int, source: int, offset: int) -> Observation:
        """Observe one event and learn all of it at once."""
        observation = self.observe(state, event, time_ms, source, offset)
        updates = self.flush()
        if updates is not None:
            self.apply(updates)
        return observation
