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
    assert get(f"{server.url}/readyz", Accept="text/plain")[2] == body
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


def test_clients_that_say_nothing_do_not_keep_others_out(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages._Handler, "timeout", 0.3)
    with HttpServer(Metrics(), health, port=0) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(pages.MAX_CONCURRENT)]
        wait_until(lambda: answers(server), 5.0)
        for client in silent:
            client.close()


def answers(server: HttpServer) -> bool:
    """Whether there is room for another client."""
    try:
        return get(f"{server.url}/metrics")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_scrape_is_cheap(server: HttpServer) -> None:
    started = time.process_time()
    for _ in range(10):
        get(f"{server.url}/metrics")
    assert (time.process_time() - started) / 10 < 0.25
