"""What librdkafka says of the sources: what stops the worker, and what is only worth a line now and then."""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError, KafkaException

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
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError._AUTHENTICATION,
    }
)
"""Waiting does not help. Not ``_SSL``: a broker that goes away in the middle of a handshake reads the same."""
_CONNECTION = frozenset(
    {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE}
)
"""A broker that is away is waited for, and readiness says so."""


class SourceErrors:
    """Judges one reader's errors. A topic that is not there is only said: the watch over topic ids stops the worker."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said_at: dict[tuple[int, str], float] = {}

    def see(self, error: KafkaError, topic: str = "", place: str = "sources") -> None:
        """Raises what must stop the worker: :class:`RecordsDamagedError`, :class:`SourceRefusedError`, ``KafkaException``."""
        code = error.code()
        if code in _DAMAGED:
            raise RecordsDamagedError(records_damaged(f"{place}: {error.str()}"))
        if code in _REFUSED:
            raise SourceRefusedError(source_refused(topic or place, error.str()))
        if error.fatal():
            raise KafkaException(error)
        self._say(logging.INFO if code in _CONNECTION else logging.WARNING, error, topic)

    def _say(self, level: int, error: KafkaError, topic: str) -> None:
        """By code, not by text: librdkafka puts durations into it."""
        now, kind = self._clock.monotonic(), (error.code(), topic)
        if now >= self._said_at.get(kind, -SAY_AGAIN_SECONDS) + SAY_AGAIN_SECONDS:
            self._said_at[kind] = now
            log.log(level, "%s", ": ".join(part for part in (topic, error.str()) if part))
