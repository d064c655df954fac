"""A catalogue row to an item: what has to be there is checked strictly, an optional field is read or dropped.

A row is refused for its item's id, its title, or as a whole (no JSON, too large, too deep). Everything else costs the
field or the entry that cannot be read. `available` and `expires_at` say whether the item may be shown at all: an item
for which one of them cannot be read is kept, but is not available.
"""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from schemas.catalog_fields import READERS, FieldFault, Noted
from schemas.explanation import DECODE_ERRORS, explain
from schemas.limits import DEFAULT_LIMITS, Limits
from schemas.records import CatalogItem
from schemas.rejection import Rejection, RejectionCode, quoted
from schemas.wire_types import MAX_ID_BYTES, Id


class _Required(msgspec.Struct, gc=False):
    item_id: Id
    title: str


_NOT_SHOWN = frozenset({"available", "expires_at"})
"""Fields without which nobody can say whether the item may be shown."""


def read_row(value: bytes, limits: Limits, faults: list[FieldFault]) -> CatalogItem | Rejection:
    """The item in the JSON text ``value``, or why the row is refused; what was dropped is added to ``faults``.

    Numbers that JSON does not know (NaN, Infinity, 1e999) and texts with half a surrogate pair cost their field, too.

    >>> faults: list[FieldFault] = []
    >>> item = read_row(b'{"item_id": "i1", "title": "Lamp", "price": "$99.00"}', Limits(), faults)
    >>> item.title, item.price, str(faults[0])[:39]
    ('Lamp', None, "price '$99.00' is no number that is rea")
    """
    error: Exception | None = None
    try:
        if not value.isascii():
            value.decode()  # msgspec does not look into the texts of unknown fields
        row = _decode(value)
    except DECODE_ERRORS as raised:
        error, row = raised, _read_loosely(value)
    try:
        required = msgspec.convert(row, _Required)
    except DECODE_ERRORS as raised:
        return explain(error or raised, value)
    broken = frozenset[str]()
    if error is not None:
        broken = frozenset(name for name in row if not _is_text(row[name]))
        if not broken.isdisjoint(_Required.__struct_fields__):
            return explain(error, value)
    noted = Noted(faults)
    fields = {name: _read(name, row[name], limits, noted, broken) for name in READERS if row.get(name) is not None}
    if any(fault.field in _NOT_SHOWN for fault in faults):
        fields["available"] = False
    return CatalogItem(required.item_id, required.title, **fields)


def named_item(value: bytes | None, key: bytes | UnsetType | None) -> str | None:
    """The item that a refused row is about: by its ``item_id``, else by its key; None where neither can be read.

    >>> named_item(b'{"item_id": "i1", "title": null}', b"i1"), named_item(b"{", b"i2"), named_item(b"{", b'{"id":1}')
    ('i1', 'i2', None)
    """
    row: Any = None
    if value is not None and len(value) <= DEFAULT_LIMITS.max_bytes:
        try:
            row = _decode(value)
        except DECODE_ERRORS:
            row = _read_loosely(value)
    item_id = row.get("item_id") if isinstance(row, dict) else None
    if isinstance(item_id, str) and item_id and _is_text(item_id) and len(item_id.encode()) <= MAX_ID_BYTES:
        return item_id
    return None if key is UNSET or not key or check_key(key) is not None else key.decode()


def check_key(key: bytes) -> Rejection | None:
    """Why a key cannot be an item's id, if so. One that is JSON itself was made by a converter, not chosen as an id."""
    if len(key) > MAX_ID_BYTES:
        return Rejection(RejectionCode.BAD_ID, f"the key has {len(key)} bytes, {MAX_ID_BYTES} are allowed")
    try:
        text = key.decode()
    except UnicodeDecodeError as error:
        return Rejection(RejectionCode.BAD_ID, f"the key is not UTF-8 (byte {error.start})")
    if text[0] in '{["':
        try:
            dressed = _decode(key)
        except DECODE_ERRORS:
            return None
        kind = "a JSON text in quotes" if isinstance(dressed, str) else "a JSON object or list"
        hint = "the key has to be the item's id alone: change the producer's key converter"
        return Rejection(RejectionCode.KEY_MISMATCH, f"the key is {kind} and names no item: {quoted(text)}", hint)
    return None


def _read(name: str, value: Any, limits: Limits, noted: Noted, broken: Set[str]) -> Any:
    noted.field = name
    if name not in broken:
        return READERS[name](value, limits, noted)
    hint = "text was cut in the middle of a character"
    noted.drop(RejectionCode.BAD_TEXT, f"{name} holds half a surrogate pair", hint)
    return getattr(_EMPTY, name)


def _is_text(value: Any) -> bool:
    """Whether UTF-8 can carry all texts in a decoded value."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_loosely(value: bytes) -> Any:
    """The fields of a row in a text that is no strict JSON, but that many programs write; None for anything else."""
    try:
        row = json.loads(value.decode())
    except (ValueError, RecursionError):
        return None
    return {name: row[name] for name in _EMPTY.__struct_fields__ if name in row} if isinstance(row, dict) else None


_decode = msgspec.json.Decoder().decode
_EMPTY = CatalogItem("", "")
