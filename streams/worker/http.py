"""The three pages for monitoring a worker: ``/metrics``, ``/healthz``, ``/readyz``.

The server has a thread and an event loop of its own, so that it can answer that the worker's loop is blocked. It binds
to loopback by default, and takes no input but the path and the ``Accept`` header. A connection that has not asked yet
costs a file, no thread, and the oldest of them give their places up to those that come: idle connections never keep a
probe out.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from streams.clock import Clock
from streams.metrics import Metrics
from streams.worker.health import Health, Report

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 128
REQUEST_TIMEOUT = 10.0
"""Seconds for a client to ask, and then to take its answer."""
MOST_HEAD_BYTES = 16 << 10
BACKLOG = 128
SAY_AGAIN_SECONDS = 60.0
PAGES = ("/metrics", "/healthz", "/readyz")


class HttpError(RuntimeError):
    """The address cannot be listened on; the message names the settings that choose it."""


class HttpServer:
    """Serves ``metrics`` and ``health`` from :meth:`start` to :meth:`stop`; also a context manager."""

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        *,
        host: str = "127.0.0.1",
        port: int = 9464,
        request_timeout: float = REQUEST_TIMEOUT,
        clock: Clock | None = None,
    ) -> None:
        self._metrics, self._health = metrics, health
        self._host, self._port = host, port
        self._timeout, self._clock = request_timeout, clock or Clock()
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._asked: dict[asyncio.StreamWriter, bool] = {}
        """Open connections, the oldest first: whether they have asked for a page."""
        self._said_at = -SAY_AGAIN_SECONDS
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Listen; raises :class:`HttpError` when the address is taken or not this machine's."""
        try:
            self._socket = _listening(self._host, self._port)
        except OSError as exc:
            raise HttpError(
                f"cannot listen on {self._host}:{self._port} ({exc.strerror or exc}): choose another address with "
                "HEADWATER_HTTP_HOST and HEADWATER_HTTP_PORT; port 0 takes a free one"
            ) from exc
        self._loop, self._stopping = asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._loop, self._socket), name="headwater-http", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is listened on; raises ``RuntimeError`` before :meth:`start`."""
        if self._socket is None:
            raise RuntimeError("the server has not been started")
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """Address of the server without a path: ``http://127.0.0.1:9464``."""
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self.port}"

    def stop(self) -> None:
        """Stop listening; returns at once when it was not started."""
        if self._loop is None or self._thread is None or self._socket is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._socket.close()
        self._loop = self._thread = self._socket = None

    def __enter__(self) -> HttpServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- in the server's thread
    def _run(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> None:
        try:
            loop.run_until_complete(self._listen(listening))
        finally:
            loop.close()

    async def _listen(self, listening: socket.socket) -> None:
        server = await asyncio.start_server(self._serve, sock=listening, limit=MOST_HEAD_BYTES, backlog=BACKLOG)
        await self._stopping.wait()
        server.close()
        for writer in self._asked:
            writer.transport.abort()
        if left := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(left)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request of one connection."""
        self._asked[writer] = False
        if len(self._asked) > MOST_CONNECTIONS:
            self._make_room(writer)
        try:
            async with asyncio.timeout(self._timeout):
                head = await _head(reader)
            if head and not writer.is_closing():
                self._asked[writer] = True
                async with asyncio.timeout(self._timeout):
                    writer.write(_Handler(head, self._metrics, self._health).answer)
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (TimeoutError, OSError, ValueError):  # a client that is silent, gone, or asks no end
            log.debug("a client of the http server went away", exc_info=True)
        finally:
            self._asked.pop(writer, None)
            writer.transport.abort()

    def _make_room(self, newcomer: asyncio.StreamWriter) -> None:
        """Close the oldest connection that has not asked, or where all have, the oldest."""
        silent = (writer for writer, asked in self._asked.items() if not asked and writer is not newcomer)
        oldest = next(silent, None) or next(iter(self._asked))
        del self._asked[oldest]
        oldest.transport.abort()
        now = self._clock.monotonic()
        if now >= self._said_at + SAY_AGAIN_SECONDS:
            self._said_at = now
            log.warning(
                "over %d connections to %s are open: those that have not asked for a page are closed, the oldest "
                "first. Something opens connections without using them (a load balancer, a port scanner).",
                MOST_CONNECTIONS, self.url,
            )  # fmt: skip


def _listening(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Request line and headers; empty where the client asks nothing. Raises ``ValueError`` where they are too long."""
    head = b""
    while len(head) <= MOST_HEAD_BYTES:
        line = await reader.readline()
        head += line
        if line in (b"\r\n", b"\n", b""):
            return head
    raise ValueError("the head of a request is too long")


class _Handler(BaseHTTPRequestHandler):
    """Parses one request that has been read, and makes its answer."""

    server_version, sys_version = "headwater", ""

    def __init__(self, head: bytes, metrics: Metrics, health: Health) -> None:
        self.metrics, self.health = metrics, health
        self._written = io.BytesIO()
        self.rfile, self.wfile = io.BytesIO(head), self._written
        self.client_address = ("", 0)
        self.handle_one_request()

    @property
    def answer(self) -> bytes:
        """All bytes of the answer."""
        return self._written.getvalue()

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/metrics":
            self.metrics.ready.of().set(float(self.health.readiness().ok))
            self._answer(HTTPStatus.OK, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self.metrics.registry.exposition))
        elif path == "/healthz":
            self._report(self.health.liveness())
        elif path == "/readyz":
            self._report(self.health.readiness())
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", f"pages: {' '.join(PAGES)}\n".encode())

    do_HEAD = do_GET

    def _report(self, report: Report) -> None:
        status = HTTPStatus.OK if report.ok else HTTPStatus.SERVICE_UNAVAILABLE
        wants_text = "text" in parse_qs(urlsplit(self.path).query).get("format", [])
        if wants_text or "text/plain" in self.headers.get("Accept", ""):
            self._answer(status, "text/plain; charset=utf-8", report.text().encode())
        else:
            self._answer(status, "application/json", json.dumps(report.json(), indent=2).encode() + b"\n")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the pages are read every few seconds."""
