"""Recognises records of other systems, so that a refusal can say what it was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_Row = Mapping[Any, Any]


def _has(row: _Row, *names: str) -> bool:
    return all(name in row for name in names)


def _has_any(row: _Row, *names: str) -> bool:
    return any(name in row for name in names)


_FORMATS: tuple[tuple[str, Callable[[_Row], bool]], ...] = (
    (
        "a GA4 export row",
        lambda r: _has(r, "event_name") and _has_any(r, "event_timestamp", "event_params", "event_date"),
    ),
    ("a GA4 Measurement Protocol request", lambda r: _has(r, "client_id", "events")),
    ("Gorse feedback", lambda r: _has(r, "FeedbackType", "UserId", "ItemId")),
    ("a Gorse item", lambda r: _has(r, "ItemId") and _has_any(r, "IsHidden", "Categories", "Labels", "Comment")),
    ("a Gorse user", lambda r: _has(r, "UserId") and _has_any(r, "Labels", "Subscribe", "Comment")),
    (
        "a Snowplow event",
        lambda r: _has_any(r, "collector_tstamp", "etl_tstamp") or str(r.get("schema", ""))[:5] == "iglu:",
    ),
    ("a CloudEvents envelope", lambda r: _has(r, "specversion", "type", "source")),
    (
        "a Metarank event",
        lambda r: _has(r, "timestamp") and r.get("event") in ("item", "user", "interaction", "ranking"),
    ),
    ("a Google Retail user event", lambda r: _has(r, "eventType", "visitorId")),
    (
        "a Segment call",
        lambda r: (
            r.get("type") in ("track", "page", "screen", "identify", "group", "alias")
            and _has_any(r, "messageId", "anonymousId", "userId")
        ),
    ),
)


def looks_like(value: object) -> str | None:
    """The format of a decoded JSON value with its article, or None for ours and unknown ones.

    >>> looks_like({"FeedbackType": "read", "UserId": "u1", "ItemId": "i1"})
    'Gorse feedback'
    """
    if not isinstance(value, Mapping):
        return None
    return next((name for name, matches in _FORMATS if matches(value)), None)
