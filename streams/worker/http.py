"""The three pages for monitoring a worker: ``/metrics``, ``/healthz``, ``/readyz``.

The server has its own threads, so that it can answer that the event loop is blocked. It binds to loopback by default,
takes no input but the path and the ``Accept`` header, and serves a bounded number of requests at once.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from streams.metrics import Metrics
from streams.worker.health import Health, Report

log = logging.getLogger(__name__)

MAX_CONCURRENT = 16
REQUEST_TIMEOUT = 10.0
PAGES = ("/metrics", "/healthz", "/readyz")


class HttpError(RuntimeError):
    """The address cannot be listened on; the message names the settings that choose it."""


class HttpServer:
    """Serves ``metrics`` and ``health`` from :meth:`start` to :meth:`stop`; also a context manager."""

    def __init__(self, metrics: Metrics, health: Health, *, host: str = "127.0.0.1", port: int = 9464) -> None:
        self._metrics, self._health = metrics, health
        self._host, self._port = host, port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen; raises :class:`HttpError` when the address is taken or not this machine's."""
        handler = type("Handler", (_Handler,), {"metrics": self._metrics, "health": self._health})
        try:
            family, *_, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0]
            self._server = type("Server", (_Server,), {"address_family": family})(address, handler)
        except OSError as exc:
            raise HttpError(
                f"cannot listen on {self._host}:{self._port} ({exc.strerror or exc}): choose another address with "
                "HEADWATER_HTTP_HOST and HEADWATER_HTTP_PORT; port 0 takes a free one"
            ) from exc
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="headwater-http", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that is listened on; raises ``RuntimeError`` before :meth:`start`."""
        if self._server is None:
            raise RuntimeError("the server has not been started")
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Address of the server without a path: ``http://127.0.0.1:9464``."""
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self.port}"

    def stop(self) -> None:
        """Stop listening; returns at once when it was not started."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> HttpServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT)
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a client of the http server went away", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    metrics: Metrics
    health: Health
    server_version, sys_version = "headwater", ""
    timeout = REQUEST_TIMEOUT

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
