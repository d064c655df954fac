"""An outage does not flood the log."""

from __future__ import annotations

import logging

import pytest

from streams.worker.repeated_lines import Repeated
from tests.clocks import TurnedClock


def record(name: str, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, None)


def test_a_librarys_message_passes_once_in_ten_seconds_and_counts_the_others() -> None:
    clock = TurnedClock()
    repeated = Repeated("aiokafka", seconds=10, clock=clock)
    lines = []
    for n in range(25):
        each = record("aiokafka.fetcher", "no connection to node %s", n % 3)
        if repeated.filter(each):
            lines.append(each.getMessage())
        clock.turn(1)
    assert lines == [
        "no connection to node 0",
        "no connection to node 1 (9 more like it were left out)",
        "no connection to node 2 (9 more like it were left out)",
    ]


@pytest.mark.parametrize("name", ["headwater.worker", "streams.stages.profiles", "aiokafkaesque"])
def test_other_loggers_pass(name: str) -> None:
    repeated = Repeated("aiokafka")
    assert all(repeated.filter(record(name, "the same %s", "again")) for _ in range(5))


def test_other_messages_pass() -> None:
    repeated = Repeated("aiokafka")
    assert repeated.filter(record("aiokafka", "one")) and repeated.filter(record("aiokafka", "two"))
    assert not repeated.filter(record("aiokafka", "one"))
    assert repeated.filter(record("aiokafka.consumer", "one")), "another logger"


def test_braces_and_percent_signs_of_a_message_stay() -> None:
    repeated = Repeated("aiokafka", seconds=0)
    each = record("aiokafka", "%s", "100 % {sure}")
    assert repeated.filter(each) and each.getMessage() == "100 % {sure}"
