"""The dead-letter path, without a broker."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from schemas.rejection import Rejection, RejectionCode
from streams.engine import Outbox
from streams.stages.dead_letters import KEPT_BYTES, DeadLetters, TooManyRejectionsError

BROKEN = Rejection(RejectionCode.BROKEN_JSON, "no JSON", "send JSON")


def letters(rate: float = 0.05, minimum: int = 100) -> DeadLetters:
    return DeadLetters("profiles", "shop", 4, rate=rate, minimum=minimum)


def refuse(
    dead: DeadLetters, outbox: Outbox, value: bytes | None = b"{", key: bytes | None = b"u1", offset: int = 7
) -> None:
    dead.refuse(outbox, "shop.events.click.v1", 3, SimpleNamespace(key=key, value=value, offset=offset), BROKEN)


def test_carries_source_and_reason() -> None:
    outbox = Outbox()
    refuse(letters(), outbox)
    [(where, [record])] = outbox.records.items()
    assert where == ("shop.dead-letters.v1", 3)
    assert (record.key, record.value) == (b"u1", b"{")
    assert dict(record.headers) == {
        "source-topic": b"shop.events.click.v1",
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


def test_stops_when_the_share_is_too_large_and_only_then() -> None:
    dead, outbox = letters(), Outbox()
    for n in range(10_000):
        if n % 25 == 0:
            refuse(dead, outbox)  # 4 %
        else:
            dead.accepted()
    dead = letters()
    for _ in range(99):
        refuse(dead, outbox)
    with pytest.raises(TooManyRejectionsError, match=r"100 of the last 100 records were refused.*broken_json"):
        refuse(dead, outbox, offset=99)


def test_old_refusals_leave_the_window() -> None:
    dead, outbox = letters(), Outbox()
    for _ in range(99):
        refuse(dead, outbox)
    for _ in range(1_000):
        dead.accepted()
    for _ in range(49):
        refuse(dead, outbox)
