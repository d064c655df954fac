"""Times on the wire: only epoch milliseconds and RFC 3339 with a zone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.catalog_fields import FieldFault
from schemas.kinds import Kind
from schemas.limits import Limits
from schemas.parse import parse
from schemas.records import CatalogItem, Click
from schemas.rejection import Rejection, RejectionCode
from schemas.times import YEAR_MS

NOW = 1_772_359_200_000  # 2026-03-01T10:00:00Z


def click_at(occurred_at: Any, **limits: int) -> Click | Rejection:
    value = {"event_id": "e1", "user_id": "u1", "item_id": "i1", "occurred_at": occurred_at}
    record = parse(Kind.CLICK, json.dumps(value).encode(), now_ms=NOW, limits=Limits(**limits))
    assert isinstance(record, Click | Rejection)
    return record


ACCEPTED = [
    (1617691790431, 1617691790431),
    ("1617691790431", 1617691790431),
    ("2021-04-06T06:49:50.431476Z", 1617691790431),
    ("2021-04-06T08:49:50+02:00", 1617691790000),
    ("2016-12-31T23:59:60Z", 1483228800000),  # written rule: the start of the following second
    # beyond the case
    ("2021-04-06t06:49:50.4z", 1617691790400),
    ("2021-04-06 06:49:50.123456789Z", 1617691790123),
    ("2021-04-06T06:49:50-00:30", 1617693590000),
    ("2017-01-01T00:59:60.9+01:00", 1483228800000),
    ("2000-01-01T00:00:00Z", 946684800000),
    ("2099-12-31T00:00:00Z", 4102358400000),  # accepted; the worker clamps it
]
REFUSED = [
    ("1617691790431476", RejectionCode.BAD_TIME, "microseconds?"),
    (1617691790431476, RejectionCode.BAD_TIME, "microseconds?"),
    (1617691790, RejectionCode.BAD_TIME, "seconds?"),
    ("1617691790", RejectionCode.BAD_TIME, "seconds?"),
    ("1617691790431000000", RejectionCode.BAD_TIME, "nanoseconds?"),
    ("0001-01-01T00:00:00Z", RejectionCode.BAD_TIME, "zero of a language"),
    (0, RejectionCode.BAD_TIME, "zero of a language"),
    (-1, RejectionCode.NEGATIVE_TIME, "13 digits"),
    ("", RejectionCode.BAD_TIME, "RFC 3339"),
    (1617691790.431, RejectionCode.BAD_TIME, "whole number"),
    ("1.6e12", RejectionCode.BAD_TIME, "RFC 3339"),
    ("2021-04-06", RejectionCode.BAD_TIME, "date alone"),
    ("20210406", RejectionCode.BAD_TIME, "date alone"),
    # beyond the case
    ("-1617691790431", RejectionCode.NEGATIVE_TIME, "13 digits"),
    ("2021-04-06T06:49:50", RejectionCode.BAD_TIME, "zone is missing"),
    ("2021-04-06T06:49Z", RejectionCode.BAD_TIME, "RFC 3339"),
    ("2021-04-06T24:00:00Z", RejectionCode.BAD_TIME, "RFC 3339"),
    ("2021-04-06T06:49:60Z", RejectionCode.BAD_TIME, "RFC 3339"),  # no leap second there
    ("2021-02-30T06:49:50Z", RejectionCode.BAD_TIME, "RFC 3339"),
    ("2021-W14-2T06:49:50Z", RejectionCode.BAD_TIME, "RFC 3339"),
    ("2021-04-06T06:49:50,431Z", RejectionCode.BAD_TIME, "RFC 3339"),
    ("2021-04-06T06:49:50+0200", RejectionCode.BAD_TIME, "RFC 3339"),
    ("٢٠٢١-04-06T06:49:50Z", RejectionCode.BAD_TIME, "RFC 3339"),
    ("١٦١٧٦٩١٧٩٠٤٣١", RejectionCode.BAD_TIME, "RFC 3339"),
    ("²", RejectionCode.BAD_TIME, "RFC 3339"),
    (" 1617691790431", RejectionCode.BAD_TIME, "RFC 3339"),
    ("9" * 5000, RejectionCode.BAD_TIME, "RFC 3339"),
    (631151999999, RejectionCode.BAD_TIME, "before 1990"),
    ("1989-12-31T23:59:59.999Z", RejectionCode.BAD_TIME, "before 1990"),
    (NOW + 101 * YEAR_MS, RejectionCode.TIME_IN_FUTURE, ""),
    ("2200-01-01T00:00:00Z", RejectionCode.TIME_IN_FUTURE, ""),
    (10**300, RejectionCode.TIME_IN_FUTURE, ""),
    (True, RejectionCode.WRONG_TYPE, ""),
    (None, RejectionCode.MISSING_FIELD, ""),
    ([1617691790431], RejectionCode.WRONG_TYPE, ""),
]


@pytest.mark.parametrize(("occurred_at", "millis"), ACCEPTED)
def test_milliseconds_and_rfc3339_are_read(occurred_at: Any, millis: int) -> None:
    record = click_at(occurred_at)
    assert isinstance(record, Click), record
    assert record.occurred_at == millis and type(record.occurred_at) is int


@pytest.mark.parametrize(("occurred_at", "code", "hint"), REFUSED)
def test_everything_else_is_refused_with_a_hint(occurred_at: Any, code: RejectionCode, hint: str) -> None:
    record = click_at(occurred_at)
    assert isinstance(record, Rejection), record
    assert record.code is code
    assert hint in record.hint
    assert len(str(record)) < 400


def test_the_plausible_range_is_a_setting() -> None:
    assert isinstance(click_at(NOW + 1_001, max_future_ms=1_000), Rejection)
    assert isinstance(click_at(NOW + 1_000, max_future_ms=1_000), Click)
    assert isinstance(click_at(1_000, min_time_ms=1_000), Click)


@pytest.mark.parametrize(
    ("expires_at", "millis"), [("9999-12-31T23:59:59Z", 253402300799000), (None, None), (NOW, NOW)]
)
def test_an_item_may_expire_never(expires_at: Any, millis: int | None) -> None:
    value = json.dumps({"item_id": "i1", "title": "T", "expires_at": expires_at}).encode()
    record = parse(Kind.CATALOG, value, now_ms=NOW)
    assert isinstance(record, CatalogItem) and record.expires_at == millis


def test_an_expiry_in_the_wrong_unit_withdraws_the_item() -> None:
    faults: list[FieldFault] = []
    record = parse(Kind.CATALOG, b'{"item_id":"i1","title":"T","expires_at":1617691790}', now_ms=NOW, faults=faults)
    assert isinstance(record, CatalogItem) and record.expires_at is None and not record.available
    ((field, problem),) = [(fault.field, fault.problem) for fault in faults]
    assert field == "expires_at" and problem.code is RejectionCode.BAD_TIME and "1617691790" in problem.message
    assert "seconds?" in problem.hint and "withdrawn" in problem.hint
