"""What speaks no Kafka is not taken for one, and is not waited for."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from streams.broker import listener
from streams.broker.brokers import Brokers, Tls
from streams.broker.listener import Listener, look_at
from streams.broker.refusals import refusal


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """A server on loopback that does ``answer`` on each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def says(data: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(data)

    return answer


def kafka(code: int, *mechanisms: bytes) -> bytes:
    """An answer to the question for a SASL mechanism."""
    names = b"".join(struct.pack(">h", len(name)) + name for name in mechanisms)
    answer = struct.pack(">ihi", 1, code, len(mechanisms)) + names
    return struct.pack(">i", len(answer)) + answer


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\0\0\0\x02ab",
        b"\xff\xff\xff\xff",
        kafka(0),
        struct.pack(">i", 14) + struct.pack(">ihih", 1, 33, 9, 5) + b"PL",  # cut off
    ],
)
def test_no_kafka(data: bytes) -> None:
    with serving(says(data)) as address:
        assert look_at(address, None) is None
        assert look_at(address, Tls()) is None


def test_answers_of_kafka() -> None:
    with serving(says(kafka(34))) as address:
        assert look_at(address, None) == Listener(tls=False)
    with serving(says(kafka(33, b"PLAIN", b"SCRAM-SHA-256"))) as address:
        found = look_at(address, None)
    assert found == Listener(tls=False, mechanisms=("PLAIN", "SCRAM-SHA-256"))
    assert found is not None and found.protocol == "SASL_PLAINTEXT"


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "TIMEOUT", 0.2)
    over = threading.Event()
    with serving(lambda connection: over.wait(5) and None) as address:
        started = time.monotonic()
        assert look_at(address, None) is None
        assert time.monotonic() - started < 2
        over.set()


@pytest.mark.parametrize("host", ["", ".", "a..b", "x" * 300])
def test_what_is_no_host(host: str) -> None:
    assert look_at((host, 1), Tls()) is None


def test_nobody_there_is_no_refusal() -> None:
    assert refusal(Brokers("127.0.0.1:1"), []) is None
