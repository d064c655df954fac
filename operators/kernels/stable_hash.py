"""A hash of text that is the same in every process and version (Python's own `hash` is salted per process)."""

from __future__ import annotations

from hashlib import blake2b

MASK = (1 << 64) - 1


def stable_hash(text: str) -> int:
    """Unsigned 64-bit BLAKE2b of the text's UTF-8 bytes (lone surrogates included, so it never raises).

    >>> stable_hash("film-1")
    7331754540589045548
    """
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
