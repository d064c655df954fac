"""Measures the lists that were shown by what users do next: prequential figures, impressions, click-through.

*Prequential*: each event first tests the last list, and is learned only then (Gama et al., 2013).
"""

from __future__ import annotations

from operators.evaluation.windowed import WindowedClicks, WindowedLists, WindowedTests
from operators.learning.observation import Observation
from operators.state.user_state import UserState
from schemas.records import Click, Event, Purchase
from streams.metrics import ComparedList
from streams.stages.context import Context
from streams.topology import Topic

SHOW_EVERY = 1.0  # seconds
_TESTED = (Click, Purchase)


class Feedback:
    """Tests the last shown list against each event, before the event is learned."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tests = {ranker: WindowedTests() for ranker in ComparedList}
        self._lists = WindowedLists()
        self._clicks = WindowedClicks()
        self._shown_at = 0.0

    def before(self, state: UserState, event: Event) -> None:
        """Test with an event that is about to be learned, if its user was shown a list and its item occurred before."""
        if not state.shown or not isinstance(event, _TESTED):
            return
        index, recommender = self._context.index, self._context.recommender
        item = index.lookup.get(event.item_id, -1)
        negative = isinstance(event, Click) and recommender.parameters.action_weights[event.action] < 0
        if item < 0 or negative or index.interactions[item] <= 0:
            return
        shown = state.shown[-1].items
        self._tests[ComparedList.HYBRID].add(shown.index(item) if item in shown else -1)
        self._tests[ComparedList.POPULARITY].add(
            recommender.popularity_position(state, item, now_ms=self._context.clock.now_ms())
        )
        self._lists.add(shown, index)
        self._context.metrics.tested_events.of().add()

    def after(self, observation: Observation, topic: Topic) -> None:
        """Count what was observed in an event."""
        metrics = self._context.metrics
        if observation.collision:
            metrics.event_id_collisions.of(topic).add()
        if observation.clipped:
            metrics.clipped_ratings.of().add()
        if observation.impressions_counted:
            metrics.impressions.of().add(observation.impressions_counted)
        if observation.attributed >= 0:
            metrics.attributed_clicks.of().add()
        if observation.impressions_counted or observation.attributed >= 0:
            self._clicks.add(observation.impressions_counted, int(observation.attributed >= 0))

    def show(self) -> None:
        """Set the metrics from the window's figures, once a second; they are absent while there are too few events."""
        now = self._context.clock.monotonic()
        if now - self._shown_at < SHOW_EVERY:
            return
        self._shown_at = now
        metrics, index = self._context.metrics, self._context.index
        for ranker, tests in self._tests.items():
            figures = tests.figures()
            if figures is not None:
                metrics.recall.of(ranker).set(figures.recall)
                metrics.mrr.of(ranker).set(figures.mrr)
                metrics.ndcg.of(ranker).set(figures.ndcg)
        if len(self._tests[ComparedList.HYBRID]):
            metrics.tested_window.of().set(len(self._tests[ComparedList.HYBRID]))
        lists = self._lists.figures(index.size)
        if lists is not None:
            metrics.coverage.of().set(lists[0])
            metrics.diversity.of().set(lists[1])
            metrics.novelty.of().set(lists[2])
        metrics.click_through.of().set(self._clicks.ratio())
