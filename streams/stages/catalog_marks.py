"""Marks in the table of catalogue digests: what is known of an item whose last record was no good row."""

from __future__ import annotations

from typing import NamedTuple

DELETED = b"deleted"
WITHDRAWN = b"withdrawn"


class Mark(NamedTuple):
    """``since``: the record's time in epoch ms where nothing else is known of the item, else 0."""

    state: bytes
    epoch: int
    since: int = 0


def pack_mark(mark: Mark) -> bytes:
    """As stored.

    >>> mark_of(pack_mark(Mark(DELETED, 0))), mark_of(pack_mark(Mark(WITHDRAWN, 2, 1_700_000_000_000))).since
    (Mark(state=b'deleted', epoch=0, since=0), 1700000000000)
    """
    epoch = mark.epoch.to_bytes(1, "little")
    return mark.state + (epoch + mark.since.to_bytes(8, "little") if mark.since else epoch.rstrip(b"\0"))


def mark_of(stored: bytes | None) -> Mark | None:
    """The mark in a stored value; None for the digest of a row, or for nothing.

    >>> mark_of(b"deleted\\x05").epoch, mark_of(bytes(16)), mark_of(None)
    (5, None, None)
    """
    for state in (DELETED, WITHDRAWN):
        if stored is not None and stored.startswith(state):
            rest = stored[len(state) :]
            if len(rest) in (0, 1, 9):
                return Mark(state, int.from_bytes(rest[:1]), int.from_bytes(rest[1:], "little"))
    return None
