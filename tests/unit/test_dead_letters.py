"""The dead-letter path and its guard, without a broker."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.rejection import Rejection, RejectionCode
from streams.engine import Outbox
from streams.stages.dead_letters import KEPT_BYTES, KEPT_HEADER_BYTES, DeadLetters
from streams.stages.refusal_guard import RefusalGuard, TooManyRejectionsError

BROKEN = Rejection(RejectionCode.BROKEN_JSON, "no JSON", "send JSON")
CLICKS, SEARCHES = "shop.events.click.v1", "shop.events.search.v1"


def letters(rate: float = 0.05) -> DeadLetters:
    return DeadLetters("profiles", "shop", 4, rate=rate)


def refuse(
    dead: DeadLetters,
    outbox: Outbox,
    value: bytes | None = b"{",
    key: bytes | None = b"u1",
    headers: Any = None,
    topic: str = CLICKS,
    rejection: Rejection = BROKEN,
) -> None:
    record = SimpleNamespace(key=key, value=value, offset=7, headers=headers)
    dead.refuse(outbox, topic, 3, record, rejection)


def test_carries_source_and_reason() -> None:
    outbox = Outbox()
    refuse(letters(), outbox)
    [(where, [record])] = outbox.records.items()
    assert where == ("shop.dead-letters.v1", 3)
    assert (record.key, record.value) == (b"u1", b"{")
    assert dict(record.headers) == {
        "source-topic": CLICKS.encode(),
        "source-partition": b"3",
        "source-offset": b"7",
        "stage": b"profiles",
        "reason": b"broken_json",
        "message": b"no JSON",
        "hint": b"send JSON",
    }


def test_large_and_null_values_fit_a_record_and_say_so() -> None:
    outbox = Outbox()
    refuse(letters(), outbox, value=b"x" * (10 << 20))
    refuse(letters(), outbox, value=None, key=None)
    large, null = next(iter(outbox.records.values()))
    assert len(large.value or b"") == KEPT_BYTES
    assert dict(large.headers)["truncated"] == b"true"
    assert dict(large.headers)["original-length"] == str(10 << 20).encode()
    assert null.value == b"" and dict(null.headers)["null-value"] == b"true"


def test_the_records_own_headers_come_first_as_they_were() -> None:
    """Also where they bear the names of ours: a reader that takes the last one of a name reads ours."""
    own = [
        ("trace", b"\xc3\x28\xff\x00"),
        ("empty", None),
        ("dup", b"1"),
        ("dup", b"2"),
        ("reason", b"theirs"),
        ("", b""),
    ]
    outbox = Outbox()
    refuse(letters(), outbox, headers=own)
    [[record]] = outbox.records.values()
    assert list(record.headers[: len(own)]) == own
    assert dict(record.headers)["reason"] == b"broken_json"
    assert [name for name, _ in record.headers].index("source-topic") == len(own)


def test_headers_that_would_not_fit_are_left_out_and_counted() -> None:
    outbox = Outbox()
    refuse(letters(), outbox, value=b"x" * (2 << 20), headers=[("big", b"x" * KEPT_HEADER_BYTES), ("small", None)])
    [[record]] = outbox.records.values()
    headers = dict(record.headers)
    assert "big" not in headers and headers["headers-left-out"] == b"2" and headers["reason"] == b"broken_json"
    size = sum(len(name) + len(value or b"") for name, value in record.headers) + len(record.value or b"")
    assert size < (1 << 20) - 1024


# ---- the guard
def guard(rate: float = 0.05) -> RefusalGuard:
    return RefusalGuard("profiles", rate, "shop.dead-letters.v1")


def feed(watched: RefusalGuard, good: list[bool]) -> int | None:
    """How many records were seen when it had enough; None: it had not."""
    for number, accepted in enumerate(good, 1):
        if accepted:
            watched.accepted()
        else:
            watched.refused(f"{CLICKS}-3 offset 7", BROKEN)
        if watched.reached is not None:
            return number
    return None


def spread(bad: int, records: int, seed: int = 1) -> list[bool]:
    places = set(random.Random(seed).sample(range(records), bad))
    return [number not in places for number in range(records)]


@pytest.mark.parametrize("bad", [51, 60, 400, 1_000])
@pytest.mark.parametrize("waiting", [0, 400, 1_000])
def test_more_than_the_share_of_the_last_thousand_stops(bad: int, waiting: int) -> None:
    watched = guard()
    watched.expect(waiting)
    assert feed(watched, spread(bad, 1_000)) is not None
    assert isinstance(watched.reached, TooManyRejectionsError)


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.05, 0.5, 0.999])
def test_the_share_that_is_named_is_the_one_that_acts(rate: float) -> None:
    allowed = round(rate * 1_000)
    assert feed(guard(rate), [False] * allowed + [True] * (1_000 - allowed)) is None
    assert feed(guard(rate), [False] * (allowed + 1)) == allowed + 1


def test_at_one_it_never_stops() -> None:
    assert feed(guard(1.0), [False] * 5_000) is None


def test_old_refusals_leave_the_window() -> None:
    assert feed(guard(), ([False] * 50 + [True] * 950) * 20) is None


def test_a_backlog_is_judged_as_a_whole() -> None:
    """2,000 records waited, 100 of them bad. However they are fetched, 5 % are not taken for 38 %."""
    for order in ([False] * 100 + [True] * 1_900, [True] * 1_900 + [False] * 100, spread(100, 2_000)):
        watched = guard()
        watched.expect(2_000)
        assert feed(watched, order + [True] * 2_000) is None


def test_a_backlog_with_more_than_the_share_stops() -> None:
    for order in ([False] * 101 + [True] * 1_899, [True] * 1_899 + [False] * 101, spread(101, 2_000)):
        watched = guard()
        watched.expect(2_000)
        assert feed(watched, order) is not None
        assert "101 of the waiting 2,000 records" in str(watched.reached)


def test_behind_a_backlog_the_last_thousand_count() -> None:
    watched = guard()
    watched.expect(100_000)
    assert feed(watched, [True] * 100_000) is None
    assert feed(watched, [False] * 60) == 51


def test_a_rebalance_forgets_a_backlog_that_went_elsewhere() -> None:
    watched = guard()
    watched.expect(1_000_000)
    watched.expect(0)
    assert feed(watched, [False] * 60) == 51


def test_the_message_says_where_why_and_what_to_do() -> None:
    watched = guard()
    feed(watched, [False] * 51)
    for part in ("stage profiles", "51 of the last 1,000", "5.0%", f"{CLICKS}-3 offset 7", "broken_json", "send JSON",
                 "shop.dead-letters.v1", "HEADWATER_DEAD_LETTER_RATE", "goes on behind it"):  # fmt: skip
        assert part in str(watched.reached)


def test_what_visitors_type_does_not_count() -> None:
    dead, outbox = letters(), Outbox()
    for code in (RejectionCode.BAD_TEXT, RejectionCode.TOO_LARGE):
        for _ in range(1_000):
            refuse(dead, outbox, topic=SEARCHES, rejection=Rejection(code, "typed"))
    assert dead.guard.reached is None
    assert sum(map(len, outbox.records.values())) == 2_000, "they are dead letters all the same"
    for _ in range(51):
        refuse(dead, outbox, rejection=Rejection(RejectionCode.BAD_TEXT, "of a click"))
    assert dead.guard.reached is not None
