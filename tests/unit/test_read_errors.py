"""What aiokafka's errors on reading mean for the worker."""

from __future__ import annotations

import pytest
from aiokafka import errors as kafka
from aiokafka.record import default_records

from streams.engine.errors import CodecMissingError, RecordsDamagedError, SourceRefusedError
from streams.engine.read_errors import explained


@pytest.mark.parametrize("codec", ["snappy", "lz4", "zstd"])
def test_a_missing_codec_is_named_with_topic_and_package(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As aiokafka's own decoder raises it where the library is not installed."""
    monkeypatch.setattr(f"aiokafka.codec.has_{codec}", lambda: False)
    number = {"snappy": 2, "lz4": 3, "zstd": 4}[codec]
    with pytest.raises(kafka.UnsupportedCodecError) as caught:
        default_records.DefaultRecordBase()._assert_has_codec(number)
    known = explained(caught.value, "shop.user-state.v1")
    assert isinstance(known, CodecMissingError)
    for part in (f"compressed with {codec}", "shop.user-state.v1", "pip install cramjam"):
        assert part in str(known)


def test_what_else_is_known() -> None:
    assert isinstance(explained(kafka.CorruptRecordException("crc"), "t"), RecordsDamagedError)
    assert isinstance(explained(kafka.TopicAuthorizationFailedError("t"), "t"), SourceRefusedError)
    assert explained(ValueError("x"), "t") is None
