"""Errors that librdkafka reports of the sources: some stop the worker, others are only logged, not too often."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError, KafkaException

from streams.broker.brokers import Brokers
from streams.broker.refusals import is_login_refused, login_refused
from streams.clock import Clock
from streams.engine.errors import (
    RecordsDamagedError,
    SourceRefusedError,
    records_damaged,
    source_refused,
)

log = logging.getLogger(__name__)

SAY_AGAIN_SECONDS = 60.0
_DAMAGED = frozenset({KafkaError._BAD_MSG, KafkaError.INVALID_MSG, KafkaError._BAD_COMPRESSION})
_REFUSED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
"""Waiting does not help, as with a refused login. ``_SSL`` is not among them: a broker that stops during a handshake
causes it, too."""
_CONNECTION = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._AUTHENTICATION,  # of a connection that was lost during the login
    }
)
"""The broker cannot be reached: the worker waits for it, and ``/readyz`` says so."""


class SourceErrors:
    """Judges one reader's errors. A missing topic is only logged: the check of topic ids stops the worker for it."""

    def __init__(self, brokers: Brokers, clock: Clock) -> None:
        self._brokers, self._clock = brokers, clock
        self._said_at: dict[tuple[int, str], float] = {}

    def see(self, error: KafkaError, topic: str = "", place: str = "sources") -> None:
        """Log the error, or raise it where it must stop the worker.

        Raises :class:`RecordsDamagedError`, :class:`SourceRefusedError`, ``LoginRefusedError`` or
        ``KafkaException``.
        """
        code = error.code()
        if code in _DAMAGED:
            raise RecordsDamagedError(records_damaged(f"{place}: {error.str()}"))
        if is_login_refused(error):
            raise login_refused(self._brokers, error)
        if code in _REFUSED:
            raise SourceRefusedError(source_refused(topic or place, error.str()))
        if error.fatal():
            raise KafkaException(error)
        self._say(logging.INFO if code in _CONNECTION else logging.WARNING, error, topic)

    def _say(self, level: int, error: KafkaError, topic: str) -> None:
        """Log once in a while for each code and topic. The text would not do as a key: it contains durations."""
        now, kind = self._clock.monotonic(), (error.code(), topic)
        if now >= self._said_at.get(kind, -SAY_AGAIN_SECONDS) + SAY_AGAIN_SECONDS:
            self._said_at[kind] = now
            log.log(level, "%s", ": ".join(part for part in (topic, error.str()) if part))
