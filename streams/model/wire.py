"""Messages between the worker and its model process: MessagePack behind a four-byte length, over pipes."""

from __future__ import annotations

import asyncio
from typing import BinaryIO

import msgspec

from operators.narration.prompt import Prompt
from streams.model.text_backend import Generated

_LENGTH_BYTES = 4
MAX_MESSAGE_BYTES = 16 << 20


class Request(msgspec.Struct, frozen=True):
    """Continue these prompts."""

    number: int
    prompts: list[Prompt]
    max_new_tokens: int


class Reply(msgspec.Struct, frozen=True):
    """Answer to the request of that number; number 0 says that the backend is loaded.

    ``error`` is what the backend raised; ``unavailable`` that it can never run here.
    """

    number: int
    results: list[Generated] = []
    error: str | None = None
    unavailable: bool = False
    model: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode_request = msgspec.msgpack.Decoder(Request).decode
_decode_reply = msgspec.msgpack.Decoder(Reply).decode


def frame(message: Request | Reply) -> bytes:
    """The message with its length in front."""
    body = _encode(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


def read_request(stream: BinaryIO) -> Request | None:
    """The next request, None at the end of the stream. Blocks."""
    header = stream.read(_LENGTH_BYTES)
    if len(header) < _LENGTH_BYTES:
        return None
    size = int.from_bytes(header, "big")
    body = stream.read(size)
    return _decode_request(body) if len(body) == size else None


async def read_reply(stream: asyncio.StreamReader) -> Reply:
    """The next reply. Raises `asyncio.IncompleteReadError` at the end, `ValueError` for bytes that are none."""
    size = int.from_bytes(await stream.readexactly(_LENGTH_BYTES), "big")
    if size > MAX_MESSAGE_BYTES:
        raise ValueError(f"a reply of {size} bytes")
    try:
        return _decode_reply(await stream.readexactly(size))
    except msgspec.DecodeError as error:
        raise ValueError(f"a reply that cannot be read: {error}") from error
