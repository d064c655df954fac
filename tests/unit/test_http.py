"""The pages over real sockets."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.metrics import Metrics
from streams.settings import Settings
from streams.worker import http as pages
from streams.worker.health import Health
from streams.worker.http import HttpError, HttpServer
from tests.integration.waiting import wait_until


@pytest.fixture
def health() -> Health:
    """As no loop beats here, its heartbeat has to last for the test."""
    health = Health(heartbeat_timeout=600.0)
    health.started()
    return health


@pytest.fixture
def server(health: Health) -> Iterator[HttpServer]:
    with HttpServer(Metrics(), health, port=0) as server:
        yield server


def get(url: str, **headers: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers["Content-Type"], refused.read().decode()


def test_metrics_parse_as_the_exposition_format(server: HttpServer) -> None:
    status, content_type, body = get(f"{server.url}/metrics")
    assert status == 200
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(body)}
    assert families["headwater_events"].type == "counter"
    assert families["headwater_event_to_record_seconds"].type == "histogram"
    assert all(family.documentation for name, family in families.items() if name.startswith("headwater_"))
    assert not re.search(r"\bnan\b", body, re.IGNORECASE)


def test_readiness_is_a_metric_as_well(server: HttpServer, health: Health) -> None:
    assert "\nheadwater_ready 1.0\n" in get(f"{server.url}/metrics")[2]
    health.set("broker", False, "does not answer")
    assert "\nheadwater_ready 0.0\n" in get(f"{server.url}/metrics")[2]


def test_ready_and_live_answer_200(server: HttpServer) -> None:
    assert get(f"{server.url}/healthz")[0] == 200
    assert get(f"{server.url}/readyz")[0] == 200


def test_the_body_names_the_failing_check(server: HttpServer, health: Health) -> None:
    health.set("recovery", False, "the tables are being restored")
    status, content_type, body = get(f"{server.url}/readyz")
    assert (status, content_type) == (503, "application/json")
    assert json.loads(body)["failing"] == ["recovery"]
    status, content_type, body = get(f"{server.url}/readyz?format=text")
    assert status == 503 and content_type.startswith("text/plain")
    assert "FAILING  recovery: the tables are being restored" in body
    again = get(f"{server.url}/readyz", Accept="text/plain")[2]
    assert re.sub(r"[\d.]+ s ago", "", again) == re.sub(r"[\d.]+ s ago", "", body)
    assert get(f"{server.url}/healthz")[0] == 200


def test_a_blocked_main_thread_is_seen_from_outside() -> None:
    answers: list[int] = []

    def probe(url: str) -> None:
        time.sleep(0.5)
        answers.append(get(f"{url}/healthz")[0])

    with HttpServer(Metrics(), Health(heartbeat_timeout=0.3), port=0) as server:
        prober = threading.Thread(target=probe, args=(server.url,))
        prober.start()
        while prober.is_alive():  # this thread, the event loop's, does nothing else
            pass
    assert answers == [503]


@pytest.mark.parametrize("path", ["/", "/table/users", "/metrics/", "/..%2f..%2fetc/passwd", "/graph", "/?a=/metrics"])
def test_there_are_no_other_pages(server: HttpServer, path: str) -> None:
    assert get(server.url + path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_written(server: HttpServer, method: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, "/metrics")
    assert connection.getresponse().status == 501
    connection.close()


def test_head_has_no_body(server: HttpServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("HEAD", "/metrics")
    answer = connection.getresponse()
    assert answer.status == 200 and int(answer.headers["Content-Length"]) > 0 and answer.read() == b""
    connection.close()


def test_loopback_by_default() -> None:
    assert Settings.model_fields["http_host"].default == "127.0.0.1"
    with HttpServer(Metrics(), Health(), port=0) as server:
        assert server.url.startswith("http://127.0.0.1:")


def test_a_port_in_use_is_told_with_the_settings(server: HttpServer) -> None:
    with pytest.raises(HttpError, match="HEADWATER_HTTP_PORT"):
        HttpServer(Metrics(), Health(), port=server.port).start()


def test_stopping_frees_the_port_and_the_thread(health: Health) -> None:
    server = HttpServer(Metrics(), health, port=0)
    server.start()
    port = server.port
    server.stop()
    server.stop()
    assert not any(thread.name == "headwater-http" for thread in threading.enumerate())
    with socket.socket() as again:
        again.bind(("127.0.0.1", port))


class Clients:
    """Connections that ask nothing (``pause`` 0) or one byte of a request every ``pause`` seconds, each opened anew
    when it is closed."""

    def __init__(self, server: HttpServer, count: int, pause: float = 0.0) -> None:
        self._address, self._pause, self._stopped = ("127.0.0.1", server.port), pause, threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        self.opened = 0

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.opened >= len(self._threads), 10.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with socket.create_connection(self._address, timeout=5) as client:
                    self.opened += 1
                    self._hold(client)
            except OSError:
                self._stopped.wait(0.05)

    def _hold(self, client: socket.socket) -> None:
        client.settimeout(0.05)
        sent = 0
        while not self._stopped.is_set():
            if self._pause and not self._stopped.wait(self._pause):
                client.send(b"GET /healthz"[sent % 12 :][:1])
                sent += 1
            try:
                if not client.recv(1):
                    return
            except TimeoutError:
                continue


@pytest.mark.parametrize(
    ("count", "pause"), [(16, 0.0), (64, 0.0), (16, 0.1), (pages.MOST_CONNECTIONS + 40, 0.0)],
    ids=["16 idle", "64 idle", "16 slow", "more than there are places"],
)  # fmt: skip
def test_idle_and_slow_clients_never_keep_others_out(health: Health, count: int, pause: float) -> None:
    """Each page answers within 2 s, meanwhile and while such clients are turned away after their time."""
    with HttpServer(Metrics(), health, port=0, request_timeout=1.0) as server:
        get(f"{server.url}/metrics")
        threads, files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
        with Clients(server, count, pause):
            for _ in range(8):
                for path in pages.PAGES:
                    started = time.monotonic()
                    assert get(server.url + path)[0] == 200
                    assert time.monotonic() - started < 2.0
                time.sleep(0.2)
            assert threading.active_count() <= threads + count, "no thread a connection"
            assert len(list(Path("/proc/self/fd").iterdir())) <= files + count + pages.MOST_CONNECTIONS + pages.BACKLOG


def test_clients_that_do_not_take_their_answer_never_keep_others_out(health: Health) -> None:
    with HttpServer(Metrics(), health, port=0) as server:
        greedy = []
        for _ in range(pages.MOST_CONNECTIONS):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.connect(("127.0.0.1", server.port))
            client.send(b"GET /metrics HTTP/1.0\r\n\r\n")
            greedy.append(client)
        for path in pages.PAGES:
            assert get(server.url + path)[0] == 200
        for client in greedy:
            client.close()


def test_who_opens_connections_for_nothing_is_told_once(health: Health, caplog: pytest.LogCaptureFixture) -> None:
    with HttpServer(Metrics(), health, port=0) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(pages.MOST_CONNECTIONS + 20)]
        assert get(f"{server.url}/healthz")[0] == 200
        for client in silent:
            client.close()
        (line,) = [record.getMessage() for record in caplog.records if record.name == pages.__name__]
        assert line.startswith(f"over {pages.MOST_CONNECTIONS} connections to {server.url} are open: ")


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n"], ids=["as browsers do", "as one types it"])
def test_a_request_that_comes_in_pieces(server: HttpServer, end: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        for piece in (b"GET /hea", b"lthz HTT", b"P/1.0" + end[:1], end[1:]):
            client.send(piece)
            time.sleep(0.05)
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n") and b'"ok": true' in answer


def test_a_head_without_end_is_turned_away(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client, pytest.raises(OSError):
        for _ in range(1_000):
            client.send(b"X: " + b"x" * 1_000 + b"\r\n")
            time.sleep(0.001)
    assert get(f"{server.url}/healthz")[0] == 200


def test_a_scrape_is_cheap(server: HttpServer) -> None:
    started = time.process_time()
    for _ in range(10):
        get(f"{server.url}/metrics")
    assert (time.process_time() - started) / 10 < 0.25
