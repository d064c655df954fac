"""Bytes from Kafka or a file to a record, or to the reason why not. Never raises.

For events, one msgspec pass decodes and checks types, ranges and lengths; what follows are the few rules that a type
cannot say: sizes, times, ids in bytes, text with something visible in it, and the key. Catalogue rows are read field by
field (`schemas.catalog_row`). Written rules:

- Unknown fields are ignored; null for a field that has a default means the default.
- An event is refused for any field that cannot be read, a catalogue row only for its id and title: another field that
  cannot be read costs the field.
- Half a surrogate pair anywhere in an event, or in a row's id or title, refuses it (``bad_text``), so what was accepted
  can always be encoded again.
- A query with nothing visible is ignored (`Rejection.ignored`), a longer one than the limit is cut (`CutSearch`): both
  are what visitors do, not a producer's fault. A title with nothing visible counts as missing.
- Control and invisible characters beside visible ones stay as they are: data is not changed here, but for categories,
  which lose what is empty or repeated.
- A null value of the catalogue deletes the item that the key names; on the event topics it is refused.
- Event times up to `Limits.max_future_ms` ahead are accepted: the worker clamps them. See `schemas.times`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import force_setattr

from schemas.catalog_fields import FieldFault
from schemas.catalog_row import check_key, read_row
from schemas.explanation import DECODE_ERRORS, explain
from schemas.kinds import Kind
from schemas.limits import DEFAULT_LIMITS
from schemas.limits import Limits as Limits
from schemas.nesting import too_deep_at
from schemas.placeholders import is_placeholder, is_visible
from schemas.records import (
    RECORDS,
    Action,
    CatalogItem,
    Click,
    CutSearch,
    Event,
    Impression,
    ItemDeletion,
    Purchase,
    Record,
    Search,
)
from schemas.rejection import Rejection, RejectionCode, quoted
from schemas.shortening import shortened
from schemas.times import to_millis
from schemas.wire_types import MAX_ID_BYTES

_CATALOG = Kind.CATALOG  # a member is looked up in its enumeration anew at each use
_SHORT = MAX_ID_BYTES // 4  # a character has at most four bytes: ids up to here need no counting

_Check = Callable[[Any, int, Limits], Rejection | None]


def parse(
    kind: Kind,
    value: bytes | None,
    *,
    key: bytes | UnsetType | None = UNSET,
    now_ms: int,
    limits: Limits = DEFAULT_LIMITS,
    faults: list[FieldFault] | None = None,
) -> Record | Rejection:
    """The record of ``kind`` in the JSON text ``value``.

    ``key`` is the Kafka key, checked against the record's user (catalogue: item) unless it is left out; ``now_ms`` is
    the present in epoch milliseconds. To ``faults`` are added the optional fields that a catalogue row has lost; they
    mean nothing where the row is refused in the end.

    >>> value = b'{"event_id": "e1", "user_id": "u1", "query": "tea", "occurred_at": "2026-03-01T10:00:00Z"}'
    >>> parse(Kind.SEARCH, value, key=b"u1", now_ms=1_772_359_200_000).occurred_at
    1772359200000
    >>> str(parse(Kind.SEARCH, value, key=b"u2", now_ms=1_772_359_200_000))
    "the key is 'u2' (the key has to be 'u1' in UTF-8)"
    """
    if value is None:
        return _without_value(kind, key)
    if len(value) > limits.max_bytes:
        return Rejection(RejectionCode.TOO_LARGE, f"{len(value)} bytes, {limits.max_bytes} are allowed")
    if (place := too_deep_at(value, limits.max_depth)) is not None:
        message = f"objects and lists are nested more than {limits.max_depth} deep (byte {place})"
        return Rejection(RejectionCode.TOO_DEEP, message)
    decode, check, key_of = _KINDS[kind]
    if kind is _CATALOG:
        row = read_row(value, limits, [] if faults is None else faults)
        if isinstance(row, Rejection):
            return row
        record: Record = row
    else:
        try:
            if not value.isascii():
                value.decode()  # msgspec does not look into the texts of unknown fields
            record = decode(value)
        except DECODE_ERRORS as error:
            return explain(error, value)
    problem = check(record, now_ms, limits)
    if problem is not None:
        return problem
    if key is not UNSET and key != key_of(record).encode():
        return _wrong_key(key, key_of(record))
    return _as_typed(record, limits) if isinstance(record, Search) else record


def _without_value(kind: Kind, key: bytes | UnsetType | None) -> ItemDeletion | Rejection:
    if kind is not Kind.CATALOG:
        return Rejection(RejectionCode.NULL_VALUE, "the value is null", "only catalogue records may be deleted")
    if key is None or key is UNSET:
        return Rejection(RejectionCode.NULL_KEY, "a deletion without a key names no item")
    if not key:
        return Rejection(RejectionCode.EMPTY_KEY, "a deletion with an empty key names no item")
    return check_key(key) or ItemDeletion(key.decode())


def _wrong_key(key: bytes | UnsetType | None, expected: str) -> Rejection:
    hint = f"the key has to be {quoted(expected)} in UTF-8"
    if key is None or key is UNSET:
        return Rejection(RejectionCode.NULL_KEY, "the key is null", hint)
    if not key:
        return Rejection(RejectionCode.EMPTY_KEY, "the key is empty", hint)
    if key == msgspec.json.encode(expected):
        hint += ", without quotes"
    shown = quoted(key[: MAX_ID_BYTES + 1].decode("utf-8", "backslashreplace"))
    return Rejection(RejectionCode.KEY_MISMATCH, f"the key is {shown}", hint)


def _check_event(record: Event, now_ms: int, limits: Limits) -> Rejection | None:
    """Rules of all events, the time among them."""
    if len(record.event_id) > _SHORT or len(record.user_id) > _SHORT:
        problem = _check_ids("event_id", (record.event_id,)) or _check_ids("user_id", (record.user_id,))
        if problem:
            return problem
    occurred_at: int | str = record.occurred_at
    latest = now_ms + limits.max_future_ms
    if type(occurred_at) is not int or not limits.min_time_ms <= occurred_at <= latest:
        millis = to_millis(occurred_at, "occurred_at", limits.min_time_ms, latest)
        if isinstance(millis, Rejection):
            return millis
        force_setattr(record, "occurred_at", millis)
    return None


def _check_click(record: Click, now_ms: int, limits: Limits) -> Rejection | None:
    if record.action is None:
        force_setattr(record, "action", Action.CLICK)
    if len(record.item_id) > _SHORT:
        problem = _check_ids("item_id", (record.item_id,))
        if problem:
            return problem
    return _check_event(record, now_ms, limits)


def _check_purchase(record: Purchase, now_ms: int, limits: Limits) -> Rejection | None:
    if record.quantity is None:
        force_setattr(record, "quantity", 1)
    return _check_ids("item_id", (record.item_id,)) or _check_event(record, now_ms, limits)


def _check_search(record: Search, now_ms: int, limits: Limits) -> Rejection | None:
    if record.results is None:
        force_setattr(record, "results", ())
    return (
        _check_size("results", record.results, limits.max_results, "entries")
        or _check_ids("results", record.results)
        or _check_event(record, now_ms, limits)
    )


def _as_typed(search: Search, limits: Limits) -> Search | Rejection:
    """The search, with a query that is too long cut; what visitors type is no reason for a refusal."""
    query = shortened(search.query, limits.max_query_chars)
    if not is_visible(query):
        return Rejection(RejectionCode.BAD_TEXT, "query has nothing visible in it", ignored=True)
    if query is search.query:
        return search
    return CutSearch(**msgspec.structs.asdict(search) | {"query": query})


def _check_impression(record: Impression, now_ms: int, limits: Limits) -> Rejection | None:
    if not record.item_ids:
        return Rejection(RejectionCode.MISSING_FIELD, "item_ids is empty")
    return (
        _check_size("item_ids", record.item_ids, limits.max_item_ids, "entries")
        or _check_ids("item_ids", record.item_ids)
        or _check_event(record, now_ms, limits)
    )


def _check_catalog(record: CatalogItem, now_ms: int, limits: Limits) -> Rejection | None:
    if not is_visible(record.title):
        return Rejection(RejectionCode.MISSING_FIELD, f"title has nothing visible in it: {quoted(record.title)}")
    if is_placeholder(record.title):
        hint = "a filler of an export or an analytics tool is no title"
        return Rejection(RejectionCode.MISSING_FIELD, f"title {quoted(record.title)} stands for a missing one", hint)
    return _check_ids("item_id", (record.item_id,)) or _check_size(
        "title", record.title, limits.max_title_chars, "characters"
    )


def _check_ids(field: str, ids: Iterable[str]) -> Rejection | None:
    for each in ids:
        if len(each) > _SHORT and len(each.encode()) > MAX_ID_BYTES:
            return Rejection(RejectionCode.BAD_ID, f"{field} is longer than {MAX_ID_BYTES} bytes: {quoted(each)}")
    return None


def _check_size(field: str, value: Any, largest: int, unit: str) -> Rejection | None:
    if len(value) <= largest:
        return None
    return Rejection(RejectionCode.TOO_LARGE, f"{field} has {len(value)} {unit}, {largest} are allowed")


_CHECKS: dict[Kind, _Check] = {
    Kind.CLICK: _check_click,
    Kind.SEARCH: _check_search,
    Kind.PURCHASE: _check_purchase,
    Kind.IMPRESSION: _check_impression,
    Kind.CATALOG: _check_catalog,
}
_KINDS: dict[Kind, tuple[Callable[[bytes], Any], _Check, Callable[[Any], str]]] = {
    kind: (msgspec.json.Decoder(record).decode, _CHECKS[kind], attrgetter(kind.key_field))
    for kind, record in RECORDS.items()
}
