"""The outside of stored bytes: kind, format version, checksum.

byte 0      kind (a letter)
byte 1      format version
bytes 2-5   CRC-32 of the payload, little-endian
bytes 6-    payload
"""

from __future__ import annotations

from zlib import crc32

from operators.state.errors import corrupt, newer_version

_HEADER = 6


def seal(kind: bytes, version: int, payload: bytes) -> bytes:
    """Put the header before a payload; `kind` is one byte.

    >>> data = seal(b"U", 2, b"state")
    >>> data[:2], bytes(unseal("a user", b"U", 2, data))
    (b'U\\x02', b'state')
    """
    return kind + bytes((version,)) + crc32(payload).to_bytes(4, "little") + payload


def unseal(what: str, kind: bytes, version: int, data: bytes) -> memoryview:
    """The payload of bytes made by `seal` with a version up to `version`.

    Raises `StateVersionError` for a newer version and `StateCorruptError` for everything else that does not fit; both
    begin with `what`.
    """
    if len(data) < _HEADER or data[:1] != kind:
        raise corrupt(what, f"{len(data)} bytes that do not begin with {kind!r} and a header")
    if data[1] > version:
        raise newer_version(what, data[1], version)
    payload = memoryview(data)[_HEADER:]
    if data[1] == 0 or crc32(payload) != int.from_bytes(data[2:_HEADER], "little"):
        raise corrupt(what, "the checksum does not match")
    return payload
