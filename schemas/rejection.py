"""Why a record is refused: a closed list of reasons, a sentence, and what the producer may do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

QUOTED_CHARS = 80  # characters of the input that a message may repeat


class RejectionCode(StrEnum):
    """Closed list: used as a metric label and as the dead letter's ``reason`` header."""

    BROKEN_JSON = "broken_json"
    """The bytes are no JSON text in UTF-8 (NaN and Infinity are no JSON either)."""
    NOT_A_RECORD = "not_a_record"
    """JSON, but no object, or an object of another system's format."""
    WRONG_TYPE = "wrong_type"
    """A field has another JSON type than the schema says."""
    MISSING_FIELD = "missing_field"
    """A required field is absent, null or empty."""
    TOO_LARGE = "too_large"
    """The record, a list or a text is longer than its limit."""
    TOO_DEEP = "too_deep"
    """Objects and lists are nested beyond the limit."""
    NOT_FINITE = "not_finite"
    """A number overflows a double."""
    OUT_OF_RANGE = "out_of_range"
    """A number or a named value lies outside of what is allowed."""
    BAD_ID = "bad_id"
    """An id is empty or longer than 256 bytes."""
    BAD_TEXT = "bad_text"
    """A text holds half a surrogate pair; a query with nothing visible is ignored under this code."""
    BAD_TIME = "bad_time"
    """A time in another unit or form, or before 1990."""
    NEGATIVE_TIME = "negative_time"
    """Epoch milliseconds below zero."""
    TIME_IN_FUTURE = "time_in_future"
    """A time farther ahead than `schemas.parse.Limits.max_future_ms`."""
    NULL_KEY = "null_key"
    """The Kafka key is null."""
    EMPTY_KEY = "empty_key"
    """The Kafka key has no bytes."""
    KEY_MISMATCH = "key_mismatch"
    """The Kafka key is not the user's (catalogue: the item's) id in UTF-8."""
    NULL_VALUE = "null_value"
    """A null value where nothing can be deleted."""
    UNKNOWN_TOPIC = "unknown_topic"
    """A line of a replay file names no input topic."""
    OTHER_NAMESPACE = "other_namespace"
    """A line of a replay file belongs to another namespace than the one that is asked for."""
    INCOMPLETE_LINE = "incomplete_line"
    """The last line of a replay file is cut off."""


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """A refusal. ``message`` and ``hint`` are encodable text of bounded length; ``hint`` may be empty.

    ``ignored``: nothing is wrong with the record, but there is nothing to learn from it. It is counted and left out.
    """

    code: RejectionCode
    message: str
    hint: str = ""
    ignored: bool = False

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


TYPED = frozenset({RejectionCode.BAD_TEXT, RejectionCode.TOO_LARGE})
"""Reasons for which a search may be refused without a fault of its producer: a visitor has typed or pasted it so."""


def quoted(value: Any) -> str:
    """``value`` for a message: its start, with unprintable characters and half surrogate pairs escaped.

    >>> print(quoted("tea\\n"), quoted([1, None]))
    'tea\\n' [1, None]
    """
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"
    text = repr(value[:QUOTED_CHARS] if isinstance(value, str) else value)
    return text if len(text) <= QUOTED_CHARS else text[:QUOTED_CHARS] + "…"
