"""The demo's users act by turns: none before the answer to their last event."""

from __future__ import annotations

import random
from typing import Any

from headwater.demo.turns import Turns


def lines(users: str) -> list[dict[str, Any]]:
    return [{"topic": "events.click.v1", "value": {"user_id": user, "event_id": n}} for n, user in enumerate(users)]


def test_a_waiting_user_is_overtaken_and_keeps_the_order() -> None:
    waiting = {"a"}
    turns = Turns(iter(lines("aaba")), 10, waiting.__contains__)
    first = turns.next()
    assert first is not None and first["value"]["event_id"] == 2
    assert turns.next() is None
    waiting.clear()
    assert [line["value"]["event_id"] for line in iter(turns.next, None)] == [0, 1, 3]
    assert turns.next() is None


def test_nobody_is_overtaken_by_more_than_the_window() -> None:
    turns = Turns(iter(lines("aabc")), 3, {"a"}.__contains__)
    first = turns.next()
    assert first is not None and first["value"]["user_id"] == "b"
    second = turns.next()
    assert second is not None and second["value"]["user_id"] == "c"
    assert turns.next() is None


def test_every_line_once_in_each_users_order_with_random_answers() -> None:
    rng = random.Random(3)
    log = lines("".join(rng.choice("abcdefg") for _ in range(500)))
    waiting: set[str] = set()
    turns = Turns(iter(log), 20, waiting.__contains__)
    sent: list[dict[str, Any]] = []
    while len(sent) < len(log):
        line = turns.next()
        if line is None:
            waiting.discard(rng.choice(sorted(waiting)))
            continue
        assert line["value"]["user_id"] not in waiting
        waiting.add(line["value"]["user_id"])
        sent.append(line)
    assert sorted(line["value"]["event_id"] for line in sent) == list(range(500))
    for user in "abcdefg":
        own = [line["value"]["event_id"] for line in sent if line["value"]["user_id"] == user]
        assert own == sorted(own)
