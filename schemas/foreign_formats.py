"""Recognises records of other systems, so that a refusal can say what it was given and what to do.

Only records that were refused are looked at, so a test here may be generous: it costs no valid record anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_Row = Mapping[Any, Any]


class Foreign(NamedTuple):
    """A format by its name, with its article, and what its owner may do."""

    name: str
    advice: str


def _has(row: _Row, *names: str) -> bool:
    return all(name in row for name in names)


def _has_any(row: _Row, *names: str) -> bool:
    return any(name in row for name in names)


def _inside(row: _Row, name: str) -> _Row:
    """The object in a field; empty where there is none."""
    inside = row.get(name)
    return inside if isinstance(inside, Mapping) else {}


def _is_change(row: _Row) -> bool:
    """Debezium with and without its schema, Kafka Connect's JSON converter, Maxwell, Canal and AWS DMS."""
    inside = _inside(row, "payload")
    if inside and (_has(row, "schema") or _is_change(inside)):
        return True
    return (
        (_has_any(row, "before", "after") and _has_any(row, "op", "source", "ts_ms"))
        or (_has(row, "database", "table", "type") and _has_any(row, "data", "old"))
        or (_has(row, "data") and "operation" in _inside(row, "metadata"))
    )


def _is_json_ld(row: _Row) -> bool:
    return "@type" in row or "schema.org" in str(row.get("@context", ""))


def _is_gtm_push(row: _Row) -> bool:
    return _has(row, "ecommerce") and _has_any(row, "event", "items", "gtm.uniqueEventId")


def _is_ga4_item(row: _Row) -> bool:
    return _has_any(row, "item_name", "item_category", "item_brand", "item_list_name")


_WITH_FIELDS = "make records with Headwater's fields of it before the topic (docs/catalogue.md, README: Send events)"
_ITEM = (
    "send item_id as text, title, categories as a list of text, price as a number and available; a deletion is a null "
    "value with the item's id as key"
)
_EVENT = "send event_id, user_id, item_id and occurred_at to the topic of the event"

_FORMATS: tuple[tuple[str, str, Callable[[_Row], bool]], ...] = (
    (
        "a change envelope: unwrap before the topic",
        "send the row as it is after the change (Debezium: the transform ExtractNewRecordState) with the item's id "
        "alone as key, and a null value for a deletion",
        _is_change,
    ),
    (
        "a CloudEvents envelope",
        "structured mode is not read: send the data alone as value (binary mode; its headers are ignored)",
        lambda r: _has(r, "specversion", "type", "source"),
    ),
    (
        "a GA4 export row",
        f"{_EVENT} for each of its items",
        lambda r: _has(r, "event_name") and _has_any(r, "event_timestamp", "event_params", "event_date"),
    ),
    ("a GA4 Measurement Protocol request", f"{_EVENT} for each item", lambda r: _has(r, "client_id", "events")),
    ("a data layer push of Google Tag Manager", f"{_EVENT} for each of its items", _is_gtm_push),
    ("Gorse feedback", _EVENT, lambda r: _has(r, "FeedbackType", "UserId", "ItemId")),
    (
        "a Gorse item",
        _ITEM,
        lambda r: _has(r, "ItemId") and _has_any(r, "IsHidden", "Categories", "Labels", "Comment"),
    ),
    (
        "a Gorse user",
        "users need no record of their own",
        lambda r: _has(r, "UserId") and _has_any(r, "Labels", "Subscribe", "Comment"),
    ),
    (
        "a Snowplow event",
        _EVENT,
        lambda r: _has_any(r, "collector_tstamp", "etl_tstamp") or str(r.get("schema", ""))[:5] == "iglu:",
    ),
    (
        "a Metarank event",
        _WITH_FIELDS,
        lambda r: _has(r, "timestamp") and r.get("event") in ("item", "user", "interaction", "ranking"),
    ),
    ("a Google Retail user event", _EVENT, lambda r: _has(r, "eventType", "visitorId")),
    (
        "a Google Retail product",
        _ITEM,
        lambda r: _has_any(r, "priceInfo", "primaryProductId") and _has_any(r, "id", "title", "name"),
    ),
    (
        "a Segment call",
        f"{_EVENT}: one record for each of its products",
        lambda r: (
            r.get("type") in ("track", "page", "screen", "identify", "group", "alias")
            and _has_any(r, "messageId", "anonymousId", "userId", "rudderId")
        ),
    ),
    (
        "an AWS Personalize request",
        _WITH_FIELDS,
        lambda r: _has(r, "trackingId", "eventList") or _has(r, "datasetArn"),
    ),
    (
        "an AWS Personalize row",
        _WITH_FIELDS,
        lambda r: _has_any(r, "ITEM_ID", "USER_ID"),
    ),
    (
        "a Matomo visit or hit",
        _EVENT,
        lambda r: _has_any(r, "idSite", "idsite") and _has_any(r, "idVisit", "visitorId", "rec", "_id", "action_name"),
    ),
    (
        "an Amplitude event",
        _EVENT,
        lambda r: _has(r, "event_type") and _has_any(r, "event_properties", "device_id", "insert_id"),
    ),
    (
        "a Mixpanel or PostHog event",
        _EVENT,
        lambda r: _has(r, "event") and (_has(r, "distinct_id") or "distinct_id" in _inside(r, "properties")),
    ),
    ("schema.org JSON-LD", _ITEM, _is_json_ld),
    (
        "a Shopify product",
        _ITEM,
        lambda r: _has(r, "id") and _has_any(r, "variants", "body_html", "product_type", "published_scope"),
    ),
    (
        "a WooCommerce product",
        _ITEM,
        lambda r: _has(r, "id") and _has_any(r, "regular_price", "stock_status", "permalink"),
    ),
    ("a Magento product", _ITEM, lambda r: _has(r, "sku") and _has_any(r, "custom_attributes", "type_id")),
    (
        "a Google Merchant feed entry",
        _ITEM,
        lambda r: _has(r, "id") and _has_any(r, "image_link", "google_product_category", "availability", "g:id"),
    ),
    ("an Algolia record", _ITEM, lambda r: _has(r, "objectID")),
    ("a GA4 item", _ITEM, _is_ga4_item),
    (
        "a product of an analytics tool's data layer",
        _ITEM,
        lambda r: _has(r, "id", "name") and _has_any(r, "category", "brand", "variant", "quantity"),
    ),
)

_OTHER_NAMES: dict[str, tuple[str, ...]] = {
    "item_id": (
        "id", "itemId", "ItemId", "item", "product_id", "productId", "product", "sku", "SKU", "asin", "content_id",
        "movieId", "_id", "key",
    ),
    "user_id": ("userId", "UserId", "user", "uid", "customer_id", "customerId", "visitorId", "visitor_id",
                "anonymousId", "session_id"),
    "event_id": ("id", "eventId", "event", "uuid", "messageId", "insert_id"),
    "occurred_at": ("timestamp", "time", "ts", "event_time", "eventTime", "created_at", "date", "datetime"),
    "title": ("name", "item_name", "product_name", "label", "productTitle", "heading"),
    "query": ("q", "search_term", "searchTerm", "search", "keywords", "term"),
    "item_ids": ("items", "products", "item_id", "itemIds", "ids"),
}  # fmt: skip
"""By our name of a required field, what others call it."""


def looks_like(value: object) -> Foreign | None:
    """The format of a decoded JSON value, or None for ours and unknown ones.

    >>> looks_like({"FeedbackType": "read", "UserId": "u1", "ItemId": "i1"}).name
    'Gorse feedback'
    """
    if not isinstance(value, Mapping):
        return None
    return next((Foreign(name, advice) for name, advice, matches in _FORMATS if matches(value)), None)


def hint_for_missing(field: str, row: _Row) -> str:
    """Where a required field is missing: which other one of the row it may be; empty if none.

    >>> hint_for_missing("item_id", {"id": 7})
    'is it in id? The field has to be called item_id'
    """
    others = (name for name in _OTHER_NAMES.get(field, ()) if row.get(name) is not None)
    other = next(others, None)
    return "" if other is None else f"is it in {other}? The field has to be called {field}"
