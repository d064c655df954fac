"""Drafts: ranked records on their way to the narrator, with all that it needs to write."""

from __future__ import annotations

import msgspec

from schemas.facts import Facts
from schemas.recommendation import Recommendation


class Draft(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The value of ``drafts.v1``: a record without text, and the facts of its first item.

    Attributes:
        recommendation: the record to send once its text is written.
        facts: what the text may say.
        arrived_ms: when the event that it answers arrived, in epoch milliseconds.
        deadline_ms: when the record is due, in epoch milliseconds.
    """

    recommendation: Recommendation
    facts: Facts
    arrived_ms: int
    deadline_ms: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Draft).decode


def encode(draft: Draft) -> bytes:
    """JSON in UTF-8."""
    return _encode(draft)


def decode(value: bytes) -> Draft:
    """The draft in ``value``. Raises `msgspec.DecodeError` for anything else."""
    return _decode(value)
