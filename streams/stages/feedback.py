"""What feedback says about the lists that were shown: prequential figures, impressions, click-through."""

from __future__ import annotations

from operators.observation import Observation
from operators.user_state import UserState
from schemas.records import Event
from streams.stages.context import Context
from streams.topics import Topic


class Feedback:
    def __init__(self, context: Context) -> None:
        self.context = context

    def before(self, state: UserState, event: Event) -> None:
        return None

    def after(self, tested: None, observation: Observation, topic: Topic) -> None:
        metrics = self.context.metrics
        if observation.collision:
            metrics.event_id_collisions.of(topic).add()
        if observation.impressions_counted:
            metrics.impressions.of().add(observation.impressions_counted)
        if observation.attributed >= 0:
            metrics.attributed_clicks.of().add()

    def show(self) -> None:
        pass
