"""Sends a phase of events: as fast as users get their answers, or at a rate."""

from __future__ import annotations

import time
from collections.abc import Callable

from headwater.demo.feed import Feed
from headwater.demo.turns import Turns

DRAIN_TIMEOUT = 15.0
_SHOWN_EVERY = 10


def send_phase(
    feed: Feed, turns: Turns, numbers: range, pace: str, rate: float | None, on_progress: Callable[[int], None]
) -> None:
    """Send events ``numbers``, ``rate`` a second if there is one, and wait for their answers.

    ``on_progress`` hears how far it is. Raises what `Feed.send` raises.
    """
    if not numbers:
        return
    feed.begin(pace)
    begun = time.monotonic()
    for number in numbers:
        while rate is not None and (ahead := begun + (number - numbers.start) / rate - time.monotonic()) > 0:
            feed.read(min(ahead, 0.02))
        while (line := turns.next()) is None:
            feed.read(0.005)
        feed.send(line)
        if number % _SHOWN_EVERY == 0:
            feed.read(0.0)
            on_progress(number)
    feed.drain(DRAIN_TIMEOUT)
    on_progress(numbers.stop)
