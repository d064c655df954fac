"""Reads the optional fields of a catalogue row. What cannot be read costs that field or entry, and is noted.

Each reader gets the decoded JSON value (never null) and returns what the record holds, the field's default where
nothing can be kept. docs/catalogue.md has the rules in words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from schemas.limits import Limits
from schemas.placeholders import is_placeholder, is_visible
from schemas.rejection import Rejection, RejectionCode, quoted
from schemas.spellings import read_available, read_price_text
from schemas.times import MAX_TIME_MS, to_millis
from schemas.wire_types import MAX_COMPONENT, MAX_LABEL_CHARS, MAX_PRICE, Scalar


class FieldFault(msgspec.Struct, frozen=True, gc=False):
    """An optional field, or a part of one, that was dropped. ``problem`` names the place and quotes the value."""

    field: str
    problem: Rejection

    def __str__(self) -> str:
        return str(self.problem)


FAULT_CODES = (
    RejectionCode.WRONG_TYPE,
    RejectionCode.TOO_LARGE,
    RejectionCode.NOT_FINITE,
    RejectionCode.OUT_OF_RANGE,
    RejectionCode.BAD_TEXT,
    RejectionCode.BAD_TIME,
    RejectionCode.NEGATIVE_TIME,
    RejectionCode.TIME_IN_FUTURE,
)
"""Why a field may be dropped."""

MAX_FAULTS = 100
"""Of one row."""

_PATH = re.compile(r"\s+>\s+")
_SEVERAL = re.compile(r"[,;|]")
_INT64 = 2**63


class Noted:
    """Adds to the faults of a row; `field` is the one that is being read."""

    def __init__(self, faults: list[FieldFault]) -> None:
        self.field = ""
        self.faults = faults

    def drop(self, code: RejectionCode, message: str, hint: str = "") -> None:
        """Note that what ``message`` names is dropped; the first of a row, and no more than anybody reads."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(FieldFault(self.field, Rejection(code, message, hint)))

    def place(self, name: str) -> str:
        """Of an entry of the field."""
        return f"{self.field}[{quoted(name)}]"

    def wrong_type(self, place: str, wanted: str, value: object, hint: str = "") -> None:
        """Note a value of another JSON type."""
        message = f"{place} has to be {wanted}, not {json_type(value)}: {quoted(value)}"
        self.drop(RejectionCode.WRONG_TYPE, message, hint)


def json_type(value: object) -> str:
    """The type of a decoded JSON value, as JSON calls it.

    >>> json_type([]), json_type(True), json_type(1.5)
    ('a list', 'true or false', 'a number')
    """
    kinds = ((bool, "true or false"), (int | float, "a number"), (str, "text"), (list, "a list"), (dict, "an object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def _text(value: Any, largest: int, noted: Noted) -> str | None:
    if not isinstance(value, str):
        noted.wrong_type(noted.field, "text", value)
    elif len(value) > largest:
        message = f"{noted.field} has {len(value)} characters, {largest} are allowed"
        noted.drop(RejectionCode.TOO_LARGE, message)
    else:
        return value
    return None


def _description(value: Any, limits: Limits, noted: Noted) -> str | None:
    return _text(value, limits.max_description_chars, noted)


def _label(value: Any, limits: Limits, noted: Noted) -> str | None:
    return _text(value, MAX_LABEL_CHARS, noted)


def _price(value: Any, limits: Limits, noted: Noted) -> float | None:
    price = value
    if isinstance(value, str):
        price = read_price_text(value)
        if price is None:
            hint = "digits with at most one point, as 19.95: no currency sign, no marks between thousands"
            noted.drop(RejectionCode.BAD_TEXT, f"price {quoted(value)} is no number that is read", hint)
            return None
    if isinstance(price, bool) or not isinstance(price, int | float):
        noted.wrong_type("price", "a number", value)
    elif not _is_finite(price):
        noted.drop(RejectionCode.NOT_FINITE, "price is no finite number", "leave it out where there is none")
    elif not 0 <= price <= MAX_PRICE:
        noted.drop(RejectionCode.OUT_OF_RANGE, f"price has to be from 0 to {MAX_PRICE:.0f}, not {quoted(value)}")
    else:
        return float(price)
    return None


def _available(value: Any, limits: Limits, noted: Noted) -> bool:
    available = read_available(value)
    if available is None:
        hint = "the item is withdrawn until a row says that it is available: write true or false"
        code = RejectionCode.OUT_OF_RANGE if isinstance(value, str | int | float) else RejectionCode.WRONG_TYPE
        noted.drop(code, f"available {quoted(value)} is no spelling that is known", hint)
    return bool(available)


def _expires_at(value: Any, limits: Limits, noted: Noted) -> int | None:
    if isinstance(value, str) and not value.strip():
        return None
    hint = "the item is withdrawn until a row says when it expires"
    if isinstance(value, bool) or not isinstance(value, str | int):
        code = RejectionCode.BAD_TIME if isinstance(value, float) else RejectionCode.WRONG_TYPE
        noted.drop(code, f"expires_at {quoted(value)} is no time that is accepted", hint)
        return None
    millis = to_millis(value, "expires_at", limits.min_time_ms, MAX_TIME_MS)
    if isinstance(millis, Rejection):
        noted.drop(millis.code, millis.message, f"{millis.hint}; {hint}")
        return None
    return millis


def _categories(value: Any, limits: Limits, noted: Noted) -> tuple[str, ...]:
    """Names without repetitions; a path gives one for each level, a text that may be several gives none."""
    if isinstance(value, str):
        if _SEVERAL.search(value) or value.lstrip()[:1] in ("[", "{"):
            message = f"categories {quoted(value)} may be one name or several"
            noted.drop(RejectionCode.BAD_TEXT, message, 'send a list: ["tea", "green tea"]')
            return ()
        value = [value]
    if not isinstance(value, list):
        noted.wrong_type("categories", "a list of text", value)
        return ()
    kept: dict[str, str] = {}
    for number, entry in enumerate(value):
        for name in _levels(number, entry, noted):
            if len(kept) == limits.max_categories and name.casefold() not in kept:
                message = f"categories has more than {limits.max_categories} entries: those from {quoted(name)} on"
                noted.drop(RejectionCode.TOO_LARGE, message)
                return tuple(kept.values())
            kept.setdefault(name.casefold(), name)
    return tuple(kept.values())


def _levels(number: int, entry: Any, noted: Noted) -> list[str]:
    """The names that an entry holds: those of a path from the top, none of an empty one."""
    if entry is None:
        return []
    if not isinstance(entry, str):
        noted.wrong_type(f"categories[{number}]", "text", entry)
        return []
    kept = []
    for level in _PATH.split(entry) if ">" in entry else (entry,):
        name = " ".join(level.split())
        if len(name) > MAX_LABEL_CHARS:
            message = f"categories[{number}] is longer than {MAX_LABEL_CHARS}: {quoted(entry)}"
            noted.drop(RejectionCode.TOO_LARGE, message)
        elif is_visible(name) and not is_placeholder(name):
            kept.append(name)
    return kept


def _attributes(value: Any, limits: Limits, noted: Noted) -> dict[str, Scalar | tuple[Scalar, ...]]:
    if not isinstance(value, dict):
        noted.wrong_type("attributes", "an object", value)
        return {}
    kept: dict[str, Scalar | tuple[Scalar, ...]] = {}
    for name, entry in value.items():
        if not _is_name(name, noted):
            continue
        if len(kept) == limits.max_attributes:
            _too_many(len(value), limits.max_attributes, name, noted)
            break
        values = entry if isinstance(entry, list) else [entry]
        if len(values) > limits.max_attributes:
            message = f"{noted.place(name)} has {len(values)} entries, {limits.max_attributes} are allowed"
            noted.drop(RejectionCode.TOO_LARGE, message)
        elif all([_is_scalar(name, each, noted) for each in values]):
            kept[name] = tuple(values) if isinstance(entry, list) else entry
    return kept


def _is_scalar(name: str, value: Any, noted: Noted) -> bool:
    if value is None or isinstance(value, str | bool):
        return True
    place = noted.place(name)
    if isinstance(value, list | dict):
        noted.wrong_type(place, "text, a number, true or false, or a list of these", value)
    elif isinstance(value, int | float) and not _is_finite(value):
        noted.drop(RejectionCode.NOT_FINITE, f"{place} is no finite number")
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        noted.drop(RejectionCode.OUT_OF_RANGE, f"{place} has to be within 64 bits, not {quoted(value)}")
    else:
        return True
    return False


def _vectors(value: Any, limits: Limits, noted: Noted) -> dict[str, tuple[float, ...]]:
    if not isinstance(value, dict):
        noted.wrong_type("vectors", "an object of lists of numbers", value)
        return {}
    kept: dict[str, tuple[float, ...]] = {}
    for name, entry in value.items():
        if not _is_name(name, noted):
            continue
        if len(kept) == limits.max_vectors:
            _too_many(len(value), limits.max_vectors, name, noted)
            break
        vector = _vector(noted.place(name), entry, limits, noted)
        if vector:
            kept[name] = vector
    return kept


def _vector(place: str, entry: Any, limits: Limits, noted: Noted) -> tuple[float, ...] | None:
    if not isinstance(entry, list):
        noted.wrong_type(place, "a list of numbers", entry)
        return None
    if not 1 <= len(entry) <= limits.max_vector_dimensions:
        code = RejectionCode.TOO_LARGE if entry else RejectionCode.OUT_OF_RANGE
        message = f"{place} has {len(entry)} components, 1 to {limits.max_vector_dimensions} are allowed"
        noted.drop(code, message)
        return None
    for number, component in enumerate(() if _all_sound(entry) else entry):
        if isinstance(component, bool) or not isinstance(component, int | float):
            noted.wrong_type(f"{place}[{number}]", "a number", component)
            return None
        if not _is_finite(component):
            noted.drop(RejectionCode.NOT_FINITE, f"{place}[{number}] is no finite number")
            return None
        if abs(component) > MAX_COMPONENT:
            message = f"{place}[{number}] has to be within ±{MAX_COMPONENT:.0f}, not {quoted(component)}"
            noted.drop(RejectionCode.OUT_OF_RANGE, message)
            return None
    if not any(entry):
        noted.drop(RejectionCode.OUT_OF_RANGE, f"{place} has only zeros, which have no direction")
        return None
    return tuple(map(float, entry))


def _all_sound(vector: list[Any]) -> bool:
    """Whether all components are what they have to be, found without looking at each."""
    try:
        return (
            {*map(type, vector)} <= {int, float}
            and -MAX_COMPONENT <= min(vector) <= max(vector) <= MAX_COMPONENT
            and math.isfinite(sum(vector))
        )
    except OverflowError:
        return False


def _too_many(count: int, allowed: int, first: str, noted: Noted) -> None:
    message = f"{noted.field} has {count} entries, {allowed} are allowed: those from {noted.place(first)} on"
    noted.drop(RejectionCode.TOO_LARGE, message)


def _is_finite(number: float) -> bool:
    """Also of integers that no float can hold."""
    return isinstance(number, int) or math.isfinite(number)


def _is_name(name: str, noted: Noted) -> bool:
    if is_visible(name) and len(name) <= MAX_LABEL_CHARS:
        return True
    code = RejectionCode.TOO_LARGE if len(name) > MAX_LABEL_CHARS else RejectionCode.BAD_TEXT
    noted.drop(code, f"{noted.place(name)}: a name has 1 to {MAX_LABEL_CHARS} characters, one of them visible")
    return False


READERS: dict[str, Callable[[Any, Limits, Noted], Any]] = {
    "available": _available,
    "expires_at": _expires_at,
    "price": _price,
    "currency": _label,
    "locale": _label,
    "description": _description,
    "categories": _categories,
    "attributes": _attributes,
    "vectors": _vectors,
}
"""By name, every optional field of `schemas.records.CatalogItem`; those first that decide whether it is shown."""
