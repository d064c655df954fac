"""Times on the wire: epoch milliseconds (a number or digits) or RFC 3339 with a zone, and nothing else.

Producers send every unit there is, and each wrong one is still a valid number; so a time is accepted only where
it is plausible as milliseconds, and the refusal names the unit that it looks like.

Leap seconds: 23:59:60 UTC is read as the start of the following second (2016-12-31T23:59:60Z is 2017-01-01T00:00:00Z),
since epoch time has no place for it. Fractions below a millisecond are cut off.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.durations import DAY_MS
from schemas.rejection import Rejection, RejectionCode, quoted

MIN_TIME_MS = 631_152_000_000  # 1990-01-01: public logs begin in the 1990s (MovieLens-100k: 1997)
MAX_TIME_MS = 253_402_300_799_999  # the end of year 9999: "never", as many shops write it
YEAR_MS = 31_557_600_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_parse_iso = datetime.fromisoformat
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)
_EXPECTED = "epoch milliseconds (13 digits) or RFC 3339 with a zone, as 2026-03-01T10:00:00Z"


def to_millis(value: int | str, field: str, min_ms: int, max_ms: int) -> int | Rejection:
    """Epoch milliseconds of ``value``, or why it is refused; accepted from ``min_ms`` to ``max_ms``, both included.

    >>> to_millis("2026-03-01T11:00:00+01:00", "occurred_at", MIN_TIME_MS, MAX_TIME_MS)
    1772359200000
    >>> str(to_millis(1_772_359_200, "occurred_at", MIN_TIME_MS, MAX_TIME_MS))
    'occurred_at 1772359200 is no time that is accepted (epoch milliseconds have 13 digits; seconds?)'
    """
    if type(value) is str:
        if len(value) >= 20 and value[4] == "-" and value[10] == "T" and value[-1] == "Z":
            try:  # the common form, in half the time of the expression below
                millis = (_parse_iso(value) - _EPOCH) // _MILLISECOND
            except ValueError:
                return _from_text(value, field, min_ms, max_ms)
            # Only these positions tell RFC 3339 from the other forms of ISO 8601 that fromisoformat reads
            if (
                value[7] == "-"
                and value[13] == ":" == value[16]
                and (len(value) == 20 or value[19] == ".")
                and value[11:13] != "24"
            ):
                return millis if min_ms <= millis <= max_ms else _implausible(value, millis, field, min_ms)
        return _from_text(value, field, min_ms, max_ms)
    assert isinstance(value, int)
    return value if min_ms <= value <= max_ms else _wrong_number(value, field, min_ms)


def _from_text(text: str, field: str, min_ms: int, max_ms: int) -> int | Rejection:
    digits = text[1:] if text[:1] == "-" else text
    if digits.isascii() and digits.isdigit() and len(digits) <= 20 and len(digits) != 8:
        number = int(text)
        return number if min_ms <= number <= max_ms else _wrong_number(number, field, min_ms)
    millis = _rfc3339(text)
    if millis is None:
        return _refused(RejectionCode.BAD_TIME, field, text, f"write {_EXPECTED}" + _form(text))
    return millis if min_ms <= millis <= max_ms else _implausible(text, millis, field, min_ms)


def _form(text: str) -> str:
    if not text:
        return ""
    if re.fullmatch(r"\d{8}|\d{4}-\d\d-\d\d", text, re.ASCII):
        return "; a date alone has no time of day"
    if re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?", text, re.ASCII):
        return "; the zone is missing"
    return ""


def _rfc3339(text: str) -> int | None:
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, zone_hours, zone_minutes = match.groups()[6:]
    leap = second == 60
    try:
        time = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=UTC)
    except ValueError:  # 30 February
        return None
    millis = (time - _EPOCH) // _MILLISECOND
    if sign:
        offset = (int(zone_hours) * 60 + int(zone_minutes)) * 60_000
        millis -= offset if sign == "+" else -offset
    if leap:
        millis += 1000
        return millis if millis % DAY_MS == 0 else None
    return millis + int((fraction or "0")[:3].ljust(3, "0"))


def _wrong_number(number: int, field: str, min_ms: int) -> Rejection:
    """Why ``number`` is no plausible count of milliseconds."""
    if number < 0:
        return _refused(RejectionCode.NEGATIVE_TIME, field, number, f"write {_EXPECTED}")
    for scale, unit in ((1_000_000, "nanoseconds"), (1_000, "microseconds")):
        if MIN_TIME_MS * scale <= number <= 10 * MIN_TIME_MS * scale:
            return _refused(RejectionCode.BAD_TIME, field, number, f"epoch milliseconds have 13 digits; {unit}?")
    if 0 < number < MIN_TIME_MS:
        seconds = MIN_TIME_MS // 1000 <= number < 10 * MIN_TIME_MS // 1000
        hint = "epoch milliseconds have 13 digits; seconds?" if seconds else "before 1990"
        return _refused(RejectionCode.BAD_TIME, field, number, hint)
    return _implausible(number, number, field, min_ms)


def _implausible(value: Any, millis: int, field: str, min_ms: int) -> Rejection:
    if millis < min_ms:
        hint = "the zero of a language or clock, before 1990" if millis <= 0 else "before 1990"
        return _refused(RejectionCode.BAD_TIME, field, value, hint)
    return _refused(RejectionCode.TIME_IN_FUTURE, field, value, "farther ahead than any clock is wrong")


def _refused(code: RejectionCode, field: str, value: Any, hint: str) -> Rejection:
    return Rejection(code, f"{field} {quoted(value)} is no time that is accepted", hint)
