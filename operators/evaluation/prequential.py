"""Prequential evaluation: each event first tests the list made without it, then teaches.

Reference: Gama, Sebastião, Rodrigues, "On evaluating stream learning algorithms" (Machine Learning, 2013); Vinagre,
Jorge, Gama, "Evaluation of recommender systems in streaming environments" (2014).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from operators.evaluation.metrics import K, RankingTally, mean_self_information
from operators.evaluation.stream_order import StreamOrder
from operators.kernels.array_types import IntArray
from operators.learning.observation import Status
from operators.ranking.diversity import list_diversity
from operators.ranking.ranker import Proposal
from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from schemas.records import CatalogItem, Click, Event, ItemDeletion, ItemWithdrawal, Purchase

_LIST_FIGURES_EVERY = 10
_PROGRESS_EVERY = 500

Progress = Callable[[int, int, int], None]
"""Called with (lines read, events tested, hits) now and then and at the end."""


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What an evaluation found. `events` counts events of every kind, catalogue lines are not among them."""

    events: int
    users: int
    items: int
    hybrid: dict[str, float | int | None]
    generators: dict[str, dict[str, float | int | None]]
    events_per_second: float | None
    out_of_order: dict[str, float | int | None]
    duplicates: dict[str, float | int | None]
    reloads: dict[str, float | int | None]
    """Clicks and purchases on the item of the user's event before: they are learned, but not tested, as nobody asks to
    be shown what is before the eyes. `events`, and their `share` of what could be tested otherwise."""
    clipped: int
    """Ratings outside of 0..rating_scale, which count as its nearer end."""

    def to_dict(self) -> dict[str, object]:
        """The public JSON object: no value is NaN or infinite; None where nothing could be measured."""
        return {
            "events": self.events,
            **self.hybrid,
            "events_per_second": self.events_per_second,
            "users": self.users,
            "items": self.items,
            "out_of_order": self.out_of_order,
            "duplicates": self.duplicates,
            "reloads": self.reloads,
            "clipped": self.clipped,
            "generators": self.generators,
        }


def evaluate(
    lines: Iterable[tuple[int, Event | CatalogItem | ItemDeletion | ItemWithdrawal]],
    parameters: Parameters | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    clock: Callable[[], float] | None = None,
) -> EvaluationReport:
    """Run the recommender over a log in the order given: test, then learn.

    `lines`: (line number, record) pairs. An event is tested when it is a click or purchase other than skip, hide
    or dislike, its user has an earlier event, its item occurred in an earlier event, and it is not that of the user's
    event before (a reload); exact duplicates are neither tested nor learned. K = 20. `clock`: seconds, for
    `events_per_second` only.

    >>> clicks = [(user, item) for user in ("ann", "bob", "eve") for item in ("tea", "cup", "pot")]
    >>> events = [Click(f"e{n}", user, item, 1_700_000_000_000 + n) for n, (user, item) in enumerate(clicks)]
    >>> report = evaluate(enumerate(events, start=1))
    >>> report.hybrid["tested"], report.hybrid["recall@20"]
    (4, 1.0)
    """
    run = _Run(parameters if parameters is not None else Parameters(), seed)
    started = clock() if clock is not None else 0.0
    read = 0
    for number, record in lines:
        run.take(number, record)
        read += 1
        if progress is not None and read % _PROGRESS_EVERY == 0:
            progress(read, run.hybrid.tested, run.hybrid.hits)
    if progress is not None:
        progress(read, run.hybrid.tested, run.hybrid.hits)
    seconds = clock() - started if clock is not None else 0.0
    return run.report(run.events / seconds if seconds > 0.0 else None)


@dataclass(slots=True)
class _Lists:
    """Tallies of one ranker's lists; the figures of the list itself are taken of every tenth."""

    tally: RankingTally = field(default_factory=lambda: RankingTally(K))

    def add(self, items: IntArray, target: int, index: ItemIndex, total: float, full: bool) -> None:
        found = np.flatnonzero(items == target)
        self.tally.add(int(found[0]) if len(found) else -1)
        novelty = mean_self_information(items, index.interactions, total) if full and len(items) else None
        self.tally.add_list(items, novelty, list_diversity(items, index) if full else None)


class _Run:
    def __init__(self, parameters: Parameters, seed: int) -> None:
        self.parameters = parameters
        self.index = ItemIndex(parameters)
        self.recommender = Recommender(parameters, self.index, seed)
        self.users: dict[str, UserState] = {}
        self.order = StreamOrder()
        self.events = 0
        self.clipped = 0
        self.reloads = 0
        self.interactions = 0.0
        self.occurred: NDArray[np.bool_] = np.zeros(1024, np.bool_)
        self.lists = _Lists()
        self.generator_lists = {name: _Lists() for name in self.recommender.generator_names}

    @property
    def hybrid(self) -> RankingTally:
        return self.lists.tally

    def take(self, number: int, record: Event | CatalogItem | ItemDeletion | ItemWithdrawal) -> None:
        if isinstance(record, CatalogItem):
            self.index.set_catalog(record)
            return
        if isinstance(record, ItemDeletion):
            self.index.delete(record.item_id)
            return
        if isinstance(record, ItemWithdrawal):
            self.index.withdraw(record.item_id)
            return
        self.events += 1
        self.order.note_time(number, record.occurred_at)
        state = self.users.get(record.user_id)
        if state is None:
            state = self.users[record.user_id] = UserState.fresh(record.user_id, self.parameters)
        reload = self._is_reload(state, record)
        proposal = None if reload else self._propose(state, record)
        observation = self.recommender.learn(state, record, record.occurred_at, 0, number)
        if observation.status is not Status.LEARNED:
            self.order.note_duplicate(number)
            return
        self.clipped += observation.clipped
        self.reloads += reload
        if proposal is not None and isinstance(record, Click | Purchase):
            self._test(proposal, self.index.lookup[record.item_id])
        self._note_occurrence(record)

    def _propose(self, state: UserState, record: Event) -> Proposal | None:
        """The list to test, made before the event is learned; None for an event that is not tested."""
        if not isinstance(record, Click | Purchase) or not self._is_target(record) or state.learned == 0:
            return None
        item = self.index.lookup.get(record.item_id, -1)
        if item < 0 or item >= len(self.occurred) or not self.occurred[item]:
            return None
        return self.recommender.propose(state, now_ms=record.occurred_at, limit=K)

    def _is_reload(self, state: UserState, record: Event) -> bool:
        if not isinstance(record, Click | Purchase) or not self._is_target(record) or not state.recent_items:
            return False
        return state.recent_items[0] == self.index.lookup.get(record.item_id, -1)

    def _is_target(self, record: Event) -> bool:
        if isinstance(record, Click):
            return self.parameters.action_weights[record.action] >= 0.0
        return isinstance(record, Purchase)

    def _test(self, proposal: Proposal, target: int) -> None:
        full = self.hybrid.tested % _LIST_FIGURES_EVERY == 0
        self.lists.add(proposal.items, target, self.index, self.interactions, full)
        for name, lists in self.generator_lists.items():
            lists.add(proposal.candidates[name].items[:K], target, self.index, self.interactions, full)

    def _note_occurrence(self, record: Event) -> None:
        if not isinstance(record, Click | Purchase):
            return
        self.interactions += self._is_target(record)
        item = self.index.lookup[record.item_id]
        if item >= len(self.occurred):
            grown = np.zeros(self.index.capacity, np.bool_)
            grown[: len(self.occurred)] = self.occurred
            self.occurred = grown
        self.occurred[item] = True

    def report(self, events_per_second: float | None) -> EvaluationReport:
        known = int(
            np.count_nonzero(
                self.index.cataloged[: self.index.size] | (self.index.interactions[: self.index.size] > 0.0)
            )
        )
        return EvaluationReport(
            events=self.events,
            users=len(self.users),
            items=known,
            hybrid=self.hybrid.figures(known),
            generators={name: lists.tally.figures(known) for name, lists in self.generator_lists.items()},
            events_per_second=events_per_second,
            out_of_order=self.order.late_figures(),
            duplicates=self.order.duplicate_figures(),
            reloads={
                "events": self.reloads,
                "share": self.reloads / (self.reloads + self.hybrid.tested) if self.reloads else 0.0,
            },
            clipped=self.clipped,
        )
