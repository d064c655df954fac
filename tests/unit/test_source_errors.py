"""What is said of the sources stops the worker where waiting does not help, and is else said once in a while."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.broker.brokers import Brokers
from streams.broker.refusals import LoginRefusedError
from streams.engine.errors import RecordsDamagedError, SourceRefusedError
from streams.engine.source_errors import SAY_AGAIN_SECONDS, SourceErrors
from tests.clocks import TurnedClock

BROKERS = Brokers("kafka:9092")


@pytest.mark.parametrize(
    "code",
    [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED],
)
def test_no_permission_stops_and_says_what_to_do(code: int) -> None:
    with pytest.raises(SourceRefusedError, match=r"^shop\.clicks: .*READ and DESCRIBE"):
        SourceErrors(BROKERS, TurnedClock()).see(KafkaError(code), "shop.clicks", "shop.clicks-1 at offset 7")


def test_a_refused_login_stops_and_says_so() -> None:
    error = KafkaError(KafkaError._AUTHENTICATION, "SASL authentication error: Invalid username or password")
    with pytest.raises(LoginRefusedError, match=r"kafka:9092 refuses the login.*Invalid username.*HEADWATER_SASL_USER"):
        SourceErrors(BROKERS, TurnedClock()).see(error)


def test_a_connection_that_is_lost_during_the_login_is_waited_for() -> None:
    lost = "SASL PLAIN mechanism handshake failed: Local: Broker transport failure"
    error = KafkaError(KafkaError._AUTHENTICATION, lost)
    SourceErrors(BROKERS, TurnedClock()).see(error)


def test_damage_names_its_place() -> None:
    with pytest.raises(RecordsDamagedError, match=r"shop\.clicks-1 at offset 7"):
        SourceErrors(BROKERS, TurnedClock()).see(
            KafkaError(KafkaError._BAD_MSG), "shop.clicks", "shop.clicks-1 at offset 7"
        )


def test_a_fatal_error_stops() -> None:
    with pytest.raises(KafkaException):
        SourceErrors(BROKERS, TurnedClock()).see(KafkaError(KafkaError._FENCED, fatal=True))


@pytest.mark.parametrize(
    ("code", "level"),
    [
        (KafkaError._TRANSPORT, "INFO"),
        (KafkaError._ALL_BROKERS_DOWN, "INFO"),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, "WARNING"),
        (KafkaError.UNKNOWN, "WARNING"),
    ],
)
def test_others_are_said_once_in_a_while(code: int, level: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = TurnedClock()
    errors = SourceErrors(BROKERS, clock)
    for text in ("after 1 ms", "after 2 ms"):
        errors.see(KafkaError(code, text), "shop.clicks")
    assert [record.levelname for record in caplog.records] == [level]
    errors.see(KafkaError(code), "shop.searches")
    assert len(caplog.records) == 2
    clock.turn(SAY_AGAIN_SECONDS)
    errors.see(KafkaError(code), "shop.clicks")
    assert len(caplog.records) == 3
