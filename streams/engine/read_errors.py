"""Errors of aiokafka on reading, as errors of the worker that name the topic and say what to do."""

from __future__ import annotations

import re

from aiokafka import errors as kafka

from streams.engine.errors import (
    CodecMissingError,
    RecordsDamagedError,
    SourceRefusedError,
    codec_missing,
    records_damaged,
    source_refused,
)
from streams.errors import StreamError

_CODEC = re.compile(r"Libraries for (\w+) compression")


def explained(error: Exception, topic: str) -> StreamError | None:
    """What ``error`` (on reading ``topic``) means for the worker; None for one that it does not know."""
    if isinstance(error, kafka.CorruptRecordException):
        return RecordsDamagedError(records_damaged(str(error)))
    if isinstance(error, kafka.UnsupportedCodecError):
        named = _CODEC.search(str(error))
        return CodecMissingError(codec_missing(topic, named.group(1) if named else str(error)))
    if isinstance(error, kafka.TopicAuthorizationFailedError | kafka.GroupAuthorizationFailedError):
        return SourceRefusedError(source_refused(topic, type(error).__name__))
    return None
