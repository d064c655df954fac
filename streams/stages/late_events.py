"""Events that are learned, but too old to be answered: counted, and said in the log."""

from __future__ import annotations

import logging
import math

from streams.clock import Clock
from streams.metrics import Metrics, TooOldCause
from streams.topology import Topic

log = logging.getLogger(__name__)
SAID_EVERY = 60.0  # seconds between two lines about a topic


class LateEvents:
    """Counts what is not answered because of its age. At most one line a minute and topic says so.

    Events that were put into Kafka again (`event_time.ARRIVED_HEADER`) are old on purpose: no line is about them.
    """

    def __init__(self, metrics: Metrics, max_age_ms: int, clock: Clock) -> None:
        self._metrics, self._max_age, self._clock = metrics, max_age_ms, clock
        self._said: dict[Topic, float] = {}
        self._unsaid: dict[Topic, tuple[int, int]] = {}
        """By topic, since the last line: how many, and the age of the oldest (ms)."""

    def count(self, topic: Topic, late: int, oldest_ms: int, again: int) -> None:
        """Take ``late`` events, the oldest of which was ``oldest_ms`` old, and ``again`` others that were put in again.

        They are those of one batch.
        """
        self._metrics.too_old_events.of(topic, TooOldCause.AGAIN).add(again)
        self._metrics.too_old_events.of(topic, TooOldCause.LATE).add(late)
        if late:
            count, oldest = self._unsaid.get(topic, (0, 0))
            self._unsaid[topic] = count + late, max(oldest, oldest_ms)
            self._say(topic)

    def _say(self, topic: Topic) -> None:
        now = self._clock.monotonic()
        if now < self._said.get(topic, -math.inf) + SAID_EVERY:
            return
        self._said[topic] = now
        count, oldest = self._unsaid.pop(topic)
        log.warning(
            "%d event(s) of %s learned but not answered: up to %.0f s old by Kafka's timestamps, and "
            "HEADWATER_MAX_EVENT_AGE is %.0f s. This worker was behind, or the clock of the producer or of this "
            "machine is wrong. How many there are: the metric headwater_too_old_events_total.",
            count, topic.suffix, oldest / 1000, self._max_age / 1000,
        )  # fmt: skip
