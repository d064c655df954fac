"""What became of one event on the user side."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Outcome of `Recommender.observe`."""

    LEARNED = "learned"
    DUPLICATE = "duplicate"
    """Same event id and same content as one of the user's last events (`Parameters.event_ids`)."""
    IGNORED = "ignored"
    """The state already contains this offset of this source."""


class Observation(msgspec.Struct, frozen=True):
    """Outcome of an event; the same constant object is returned wherever nothing special happened."""

    status: Status
    answers: bool = False
    """Whether a recommendation should follow: learned clicks, searches and purchases."""
    collision: bool = False
    """The event id was used before with other content (learned all the same)."""
    attributed: int = -1
    """Position (from 0) in the recommended list of an item clicked for the first time there; -1: none."""
    impressions_counted: int = 0
    """Positions of a recommended list that were seen for the first time."""
    clipped: bool = False
    """The rating lay outside of 0..rating_scale and was clipped."""


IGNORED = Observation(Status.IGNORED)
DUPLICATE = Observation(Status.DUPLICATE)
ANSWERED = Observation(Status.LEARNED, answers=True)
UNANSWERED = Observation(Status.LEARNED)
