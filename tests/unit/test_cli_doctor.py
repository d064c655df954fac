"""`headwater doctor` finds what is wrong and says what to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headwater.cli.doctor import EMPTY_REMEDIES
from headwater.cli.main import app
from operators.ranking.emptiness import EmptyCause

METRICS = b"""\
# TYPE headwater_misplaced_users_total counter
headwater_misplaced_users_total{topic="events.purchase.v1"} 4
headwater_misplaced_users_total{topic="events.click.v1"} 0
# TYPE headwater_dead_letters_total counter
headwater_dead_letters_total{stage="profiles",reason="wrong_type"} 2
# TYPE headwater_events_total counter
headwater_events_total{topic="events.click.v1",outcome="learned"} 7654321
headwater_events_total{topic="events.click.v1",outcome="rate_limited"} 2000
# TYPE headwater_too_old_events_total counter
headwater_too_old_events_total{topic="events.click.v1",cause="late"} 50
headwater_too_old_events_total{topic="events.click.v1",cause="again"} 900
# TYPE headwater_recommendations_total counter
headwater_recommendations_total{source="trending"} %d
# TYPE headwater_empty_lists_total counter
headwater_empty_lists_total{cause="no_items"} 3
"""
lists = 0


class Worker(BaseHTTPRequestHandler):
    """Answers as a worker that is not ready."""

    def do_GET(self) -> None:
        ready = self.path.startswith("/readyz")
        self.send_response(503 if ready else 200)
        self.end_headers()
        self.wfile.write(b"recovery: 3 of 8 partitions\n" if ready else METRICS % lists)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def unready_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Worker)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setenv("HEADWATER_HTTP_PORT", str(server.server_address[1]))
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWATER_BROKERS", raising=False)
    monkeypatch.setenv("HEADWATER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("HEADWATER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HEADWATER_MODEL_BACKEND", "none")
    monkeypatch.setenv("HEADWATER_HTTP_PORT", "1")


def doctor() -> tuple[int, str]:
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout


def test_nothing_set_is_no_problem_but_says_what_is_missing() -> None:
    status, out = doctor()
    assert status == 0
    assert "HEADWATER_BROKERS is not set" in out
    assert "headwater worker" in out
    assert "for the private Kafka" in out


def test_misspelt_setting_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_BROKER", "localhost:9092")
    assert "Did you mean HEADWATER_BROKERS?" in doctor()[1]


def test_unreachable_broker_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.broker.admin.TIMEOUT", 0.3)
    monkeypatch.setenv("HEADWATER_BROKERS", "127.0.0.1:1")
    status, out = doctor()
    assert status == 1
    assert "problem  broker: No Kafka answers at 127.0.0.1:1" in out


def test_what_crosses_the_network_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.broker.admin.TIMEOUT", 0.3)
    monkeypatch.setenv("HEADWATER_BROKERS", "0.0.0.0:1")
    assert "warning  broker: Every record crosses the network to 0.0.0.0 unencrypted" in doctor()[1]


def test_of_secrets_it_says_that_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.broker.admin.TIMEOUT", 0.3)
    for name, value in {
        "HEADWATER_BROKERS": "127.0.0.1:1",
        "HEADWATER_SECURITY_PROTOCOL": "sasl_plaintext",
        "HEADWATER_SASL_USERNAME": "hw",
        "HEADWATER_SASL_PASSWORD": "hunter2",
        "HEADWATER_SASL_PASWORD": "hunter2",
    }.items():
        monkeypatch.setenv(name, value)
    out = doctor()[1]
    assert (
        "HEADWATER_SASL_PASSWORD=(set), HEADWATER_SASL_USERNAME=hw, HEADWATER_SECURITY_PROTOCOL=SASL_PLAINTEXT" in out
    )
    assert "there is no setting HEADWATER_SASL_PASWORD" in out and "hunter2" not in out


def test_settings_that_contradict_each_other_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("HEADWATER_SASL_MECHANISM", "PLAIN")
    status, out = doctor()
    assert status == 1
    assert "problem  broker: HEADWATER_SASL_MECHANISM is set, but HEADWATER_SECURITY_PROTOCOL is PLAINTEXT" in out


@pytest.mark.usefixtures("unready_worker")
def test_what_the_worker_reports() -> None:
    status, out = doctor()
    assert status == 1
    assert "recovery: 3 of 8 partitions" in out
    assert "4 users of events.purchase.v1 are in another partition" in out
    assert "Set partitioner=murmur2_random in the producer of events.purchase.v1" in out
    assert "0 users" not in out
    assert "2 records refused by profiles: wrong_type" in out
    assert "warning  events: 2000 events of events.click.v1 were ignored" in out
    assert "HEADWATER_USER_EVENTS_PER_MINUTE (3,000)" in out and "7654321" not in out


@pytest.mark.usefixtures("unready_worker")
@pytest.mark.parametrize(("answered", "grade"), [(0, "problem"), (7, "warning")])
def test_events_that_nobody_answers(answered: int, grade: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.lists", answered)
    _, out = doctor()
    found = f"{grade:8} answers: 50 events of events.click.v1 were learned but not answered"
    assert found in out and "HEADWATER_MAX_EVENT_AGE (300 s)" in out
    assert ("no event at all was answered" in out) == (not answered)
    assert "900" not in out, "what was sent as history is as it should be"
    assert f"3 of {answered} lists were empty: no_items" in out


def test_every_cause_of_an_empty_list_has_a_remedy() -> None:
    assert EMPTY_REMEDIES.keys() == set(EmptyCause)


def test_model_that_was_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("torch") is None or find_spec("transformers") is None:
        pytest.skip("the extra `llm` is not installed")
    monkeypatch.setenv("HEADWATER_MODEL_BACKEND", "transformers")
    assert "headwater fetch smollm2" in doctor()[1]


def test_java_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("headwater.local_kafka.java.find_spec", lambda name: None)
    status, out = doctor()
    assert status == 1
    assert "is version 8" in out
    assert "JAVA_HOME" in out and "HEADWATER_BROKERS" in out
