"""Finds out what a broker's listener speaks, where a client of Kafka only hears that a connection was closed.

Two questions, on a connection of their own: whether it answers a TLS handshake, and what it says to a request for a
SASL mechanism that does not exist. A listener with a login names the mechanisms that it has, one without refuses.
https://kafka.apache.org/protocol has the requests.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from streams.broker.brokers import PROTOCOLS, Tls

TIMEOUT = 3.0
_SASL_HANDSHAKE, _VERSION, _QUESTION = 17, 1, 1
_UNSUPPORTED_SASL_MECHANISM, _ILLEGAL_SASL_STATE = 33, 34
_NO_MECHANISM = b"?"
_LARGEST_ANSWER = 64 << 10
_HEAD = struct.Struct(">hi")  # error code, number of mechanisms


@dataclass(frozen=True, slots=True)
class Listener:
    """What a listener wants of its clients."""

    tls: bool
    mechanisms: tuple[str, ...] = ()
    """Of the login that it asks for; empty where it asks for none."""
    alert: str = ""
    """With which TLS alert it ended the handshake: it wants a client's certificate, or another one."""
    distrust: str = ""
    """Why its certificate is not trusted; empty where it is, and without TLS."""

    @property
    def protocol(self) -> str:
        """Kafka's name for it."""
        return PROTOCOLS[self.tls, bool(self.mechanisms)]


def look_at(address: tuple[str, int], tls: Tls | None) -> Listener | None:
    """What the listener at (host, port) speaks; None where nothing answers there, or no Kafka. Takes some seconds.

    ``tls``: what this client trusts and shows; None: any certificate, and none.
    """
    with contextlib.suppress(ValueError):  # what is no host name
        return _over_tls(address, tls) or _in_the_clear(address)
    return None


def _in_the_clear(address: tuple[str, int]) -> Listener | None:
    with contextlib.suppress(OSError, struct.error), _connected(address) as connection:
        return Listener(tls=False, mechanisms=_mechanisms(connection))
    return None


def _over_tls(address: tuple[str, int], tls: Tls | None) -> Listener | None:
    distrust = _distrust(address, tls) if tls is not None else ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls is not None:
        context = tls.context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # a look at its words, not at its name
    try:
        with _connected(address) as plain, context.wrap_socket(plain, server_hostname=address[0]) as connection:
            return Listener(True, _mechanisms(connection), distrust=distrust)
    except ssl.SSLError as exc:
        if "ALERT" in (exc.reason or ""):  # it speaks TLS, and ended the handshake
            return Listener(True, alert=str(exc.reason).lower().replace("_", " "), distrust=distrust)
    except (OSError, struct.error):
        pass
    return None


def _distrust(address: tuple[str, int], tls: Tls) -> str:
    try:
        with (
            _connected(address) as plain,
            tls.context().wrap_socket(plain, server_hostname=address[0]),
        ):
            return ""
    except ssl.SSLCertVerificationError as exc:
        return exc.verify_message
    except OSError:
        return ""


@contextlib.contextmanager
def _connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, TIMEOUT) as connection:
        yield connection


def _mechanisms(connection: socket.socket) -> tuple[str, ...]:
    """SASL mechanisms of the listener, none where it has no login; raises ``OSError`` where no Kafka answers."""
    head = struct.pack(">hhih", _SASL_HANDSHAKE, _VERSION, _QUESTION, -1)  # -1: a client without a name
    request = head + struct.pack(">h", len(_NO_MECHANISM)) + _NO_MECHANISM
    connection.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", _exactly(connection, 4))
    if not 0 < size < _LARGEST_ANSWER:
        raise ConnectionError("no answer of Kafka's")
    answer = _exactly(connection, size)
    (question,) = struct.unpack_from(">i", answer)
    code, count = _HEAD.unpack_from(answer, 4)
    if question != _QUESTION or code not in (_UNSUPPORTED_SASL_MECHANISM, _ILLEGAL_SASL_STATE):
        raise ConnectionError("no answer of Kafka's")
    names, at = [], 4 + _HEAD.size
    for _ in range(count if code == _UNSUPPORTED_SASL_MECHANISM else 0):
        (length,) = struct.unpack_from(">h", answer, at)
        names.append(answer[at + 2 : at + 2 + length].decode(errors="replace"))
        at += 2 + length
    return tuple(names)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError("the connection was closed")
        data += more
    return data
