"""The partition of a key: murmur2, the default of the Java clients (``murmur2_random`` in librdkafka).

All producers of a topic must agree on it, or one user has two half profiles in two partitions. The function is Kafka's
variant of MurmurHash2 (``org.apache.kafka.common.utils.Utils.murmur2``).
"""

from __future__ import annotations

import struct

PRODUCER_SETTING = "partitioner=murmur2_random"
_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Unsigned 32-bit hash of ``data``."""
    length = len(data)
    h = _SEED ^ length
    whole = length & ~3
    for k in struct.unpack_from(f"<{whole >> 2}I", data):
        k = k * _M & _MASK
        k ^= k >> 24
        h = (h * _M & _MASK) ^ (k * _M & _MASK)
    if whole != length:
        h ^= int.from_bytes(data[whole:], "little")
        h = h * _M & _MASK
    h ^= h >> 13
    h = h * _M & _MASK
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Number of the partition (of ``partitions``) that holds the records of ``key``."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
