"""Turns what msgspec says about a refused record into a `Rejection`; off the hot path, so it may read it again."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from schemas.actions import Action
from schemas.foreign_formats import hint_for_missing, looks_like
from schemas.rejection import Rejection, RejectionCode, quoted

DECODE_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError)

ENDS_TOO_EARLY = "not JSON: it ends too early"
"""The beginning of what is said of a text that was cut off."""

_ID_FIELDS = frozenset({"event_id", "user_id", "item_id", "item_ids", "results"})
_TIME_FIELDS = frozenset({"occurred_at", "expires_at"})
_PATH = re.compile(r" - at `\$(.*)`$", re.DOTALL)
_PATH_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]+|\\.)*"|-?(?:NaN|Infinity)', re.DOTALL)
_TABS_OF_SNOWPLOW = 100  # its enriched events have 130 columns
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_TYPES = re.compile(r"Expected `(.+)`, got `(.+)`")
_LENGTH = re.compile(r"Expected `.+` of length ([<>]=) (\d+)")
_BOUND = re.compile(r"Expected `.+` ([<>]=) (\S+)")


def explain(error: Exception, value: bytes) -> Rejection:
    """Why decoding ``value`` raised ``error`` (one of `DECODE_ERRORS`)."""
    if isinstance(error, RecursionError):
        return Rejection(RejectionCode.TOO_DEEP, "objects and lists are nested too deep")
    if isinstance(error, UnicodeError):
        place = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        return Rejection(RejectionCode.BROKEN_JSON, f"the bytes are not UTF-8{place}", _encoding_hint(value))
    if isinstance(error, msgspec.ValidationError):
        return _invalid(str(error), value)
    return _broken(str(error), value)


def _encoding_hint(value: bytes) -> str:
    if value[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16? send UTF-8"
    if value[:1] == b"\x00":
        return "a schema registry's header (Avro, Protobuf, JSON Schema)? send plain JSON"
    if value.count(b"\t") >= _TABS_OF_SNOWPLOW:
        return "a Snowplow enriched event, columns between tabs? send one JSON object with Headwater's fields"
    return ""


def _broken(problem: str, value: bytes) -> Rejection:
    constants: list[str] = []
    try:
        row = json.loads(value.decode("utf-8", "replace"), parse_constant=constants.append)
    except RecursionError:
        return Rejection(RejectionCode.TOO_DEEP, "objects and lists are nested too deep")
    except ValueError:
        if not value.strip():
            return Rejection(
                RejectionCode.BROKEN_JSON, "the value is empty", "a deletion is a null value, not an empty one"
            )
        if value[:3] == b"\xef\xbb\xbf":
            return Rejection(RejectionCode.BROKEN_JSON, "not JSON: it starts with a byte order mark", "send it without")
        if "truncated" in problem:
            return Rejection(RejectionCode.BROKEN_JSON, f"{ENDS_TOO_EARLY} (byte {len(value)})")
        return Rejection(
            RejectionCode.BROKEN_JSON, f"not JSON: {problem.removeprefix('JSON is malformed: ')}", _encoding_hint(value)
        )
    if constants:
        hint = "JSON knows no NaN and no Infinity: leave the field out"
        message = f"not JSON: {constants[0]} is no number (byte {_place_of_constant(value)})"
        return Rejection(RejectionCode.BROKEN_JSON, message, hint)
    place = _half_pair_field(row)
    if place is not None:
        hint = "text was cut in the middle of a character"
        return Rejection(RejectionCode.BAD_TEXT, f"{place} holds half a surrogate pair", hint)
    return Rejection(RejectionCode.BROKEN_JSON, f"not JSON: {problem.removeprefix('JSON is malformed: ')}")


def _place_of_constant(value: bytes) -> int:
    """Byte of the first NaN or Infinity outside of a text."""
    text = value.decode("utf-8", "replace")
    found = (match.start() for match in _STRING_OR_CONSTANT.finditer(text) if not match[0].startswith('"'))
    return len(text[: next(found, 0)].encode())


def _half_pair_field(row: Any) -> str | None:
    """The field of ``row`` with a character that UTF-8 cannot carry."""
    for name, value in row.items() if isinstance(row, dict) else (("the text", row),):
        try:
            json.dumps((name, value), ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return quoted(name).strip("'")
    return None


def _invalid(problem: str, value: bytes) -> Rejection:
    try:
        row = msgspec.json.decode(value)
    except msgspec.ValidationError:
        row = {}  # a number beyond a double beside another fault: the sentence does without the field's value
    except DECODE_ERRORS as error:
        return explain(error, value)  # what follows the first wrong field is not even JSON
    if row is None:
        hint = "a deletion is a Kafka record without a value, not the text null"
        return Rejection(RejectionCode.NOT_A_RECORD, "the value is the JSON text null", hint)
    if not isinstance(row, dict):
        hint = (
            "one record a message: send each entry by itself"
            if row and isinstance(row, list) and isinstance(row[0], dict)
            else ""
        )
        return Rejection(RejectionCode.NOT_A_RECORD, f"not an object: {quoted(row)}", hint)
    foreign = looks_like(row)
    if foreign:
        message = f"not a Headwater record; looks like {foreign.name}"
        return Rejection(RejectionCode.NOT_A_RECORD, message, foreign.advice)
    missing = _MISSING.match(problem)
    if missing:
        return Rejection(RejectionCode.MISSING_FIELD, f"{missing[1]} is missing", hint_for_missing(missing[1], row))
    path = _PATH.search(problem)
    place = path[1].removeprefix(".") if path else "the record"
    field, value_there = _at(row, path[1]) if path else ("", row)
    return _invalid_field(_PATH.sub("", problem), place, field, value_there)


def _at(row: Any, path: str) -> tuple[str, Any]:
    """The name of the outermost field in a path of msgspec's (``.item_ids[1]``), and the value at its end."""
    field = ""
    for name, number in _PATH_STEP.findall(path):
        field = field or name
        if isinstance(row, dict):
            row = row.get(name)
        elif isinstance(row, list) and number:
            row = row[int(number)] if int(number) < len(row) else None
    return field, row


def _invalid_field(problem: str, place: str, field: str, value: Any) -> Rejection:
    if problem.startswith("Invalid enum value"):
        known = ", ".join(Action)
        return Rejection(RejectionCode.OUT_OF_RANGE, f"{place} {quoted(value)} is not known", f"one of {known}")
    if problem == "Number out of range":
        return Rejection(RejectionCode.NOT_FINITE, f"{place} is larger than a double holds")
    length = _LENGTH.match(problem)
    if length:
        return _wrong_length(place, field, length[1], length[2])
    bound = _BOUND.match(problem)
    if bound:
        return Rejection(RejectionCode.OUT_OF_RANGE, f"{place} has to be {bound[1]} {bound[2]}, not {quoted(value)}")
    types = _TYPES.match(problem)
    if types is None:
        return Rejection(RejectionCode.WRONG_TYPE, f"{place}: {quoted(problem)}")
    return _wrong_type(place, field, types[1], types[2], value)


def _wrong_length(place: str, field: str, comparison: str, length: str) -> Rejection:
    fault = "is empty" if comparison == ">=" else f"is longer than {length}"
    if field in _ID_FIELDS:
        return Rejection(RejectionCode.BAD_ID, f"{place} {fault}", "ids have 1 to 256 bytes")
    return Rejection(RejectionCode.BAD_TEXT if comparison == ">=" else RejectionCode.TOO_LARGE, f"{place} {fault}")


def _wrong_type(place: str, field: str, expected: str, got: str, value: Any) -> Rejection:
    if got == "null":
        return Rejection(RejectionCode.MISSING_FIELD, f"{place} is null")
    if field in _TIME_FIELDS and got == "float":
        hint = "epoch milliseconds are a whole number without point and exponent"
        return Rejection(RejectionCode.BAD_TIME, f"{place} {quoted(value)} is no time that is accepted", hint)
    hint = ""
    if field in _ID_FIELDS and got in ("int", "float"):
        hint = "ids are text: put quotes around the number"
    elif got == "str" and ("int" in expected or "float" in expected):
        hint = "write the number without quotes"
    elif got == "float" and "int" in expected:
        hint = "a whole number, written without a point"
    readable = expected.removesuffix(" | null").replace(" | ", " or ")
    return Rejection(RejectionCode.WRONG_TYPE, f"{place} has to be {readable}, not {got}: {quoted(value)}", hint)
