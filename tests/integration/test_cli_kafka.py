"""The commands against the real broker, as a person uses them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner, Result

from headwater.cli.main import app
from headwater.local_kafka.broker import LocalKafka
from streams.broker.partitioning import partition_of
from streams.broker.producing import event_producer
from streams.broker.topic_reading import read_topic
from tests.integration.waiting import interruptible

pytestmark = pytest.mark.integration


@pytest.fixture
def environment(kafka: LocalKafka, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "HEADWATER_BROKERS": kafka.bootstrap,
        "HEADWATER_NAMESPACE": namespace,
        "HEADWATER_STATE_DIR": str(tmp_path),
        "HEADWATER_HTTP_PORT": "1",
        "HEADWATER_MODEL_BACKEND": "none",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def topics(environment: None) -> None:
    assert invoke("topics", "create").exit_code == 0


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def click(event: str, user: str = "user-2", **changes: Any) -> dict[str, Any]:
    value = {"event_id": event, "user_id": user, "item_id": "i1", "occurred_at": 1_700_000_000_000} | changes
    return {"topic": "events.click.v1", "value": value}


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


@pytest.mark.usefixtures("environment")
def test_topics_are_created_described_and_missed(namespace: str) -> None:
    assert invoke("topics", "describe").exit_code == 1
    created = invoke("topics", "create")
    assert created.exit_code == 0
    assert f"created  {namespace}.events.click.v1 (8 partitions, delete)" in created.stdout
    assert "is there" in invoke("topics", "create").stdout
    described = invoke("topics", "describe")
    assert described.exit_code == 0
    assert f"{namespace}.recommendations.v1" in described.stdout


@pytest.mark.usefixtures("topics")
def test_other_partition_count_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_USER_PARTITIONS", "5")
    result = invoke("topics", "create")
    assert result.exit_code == 1
    assert "HEADWATER_USER_PARTITIONS=5" in result.stderr and "events.click.v1 has 8" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("topics")
def test_replay_places_keys_by_murmur2_with_timestamps_of_now(
    kafka: LocalKafka, namespace: str, tmp_path: Path
) -> None:
    users = [f"user-{n}" for n in range(1, 40)]
    item = {"topic": "catalog.items.v1", "value": {"item_id": "é1", "title": "Tea"}}
    gone = {"topic": "catalog.items.v1", "key": "i9", "value": None}
    begun = int(time.time() * 1000)
    result = invoke("replay", str(write(tmp_path / "f", item, gone, *[click(u, u) for u in users])))
    assert result.exit_code == 0, result.output
    assert f"Sent 41 records: 2 to {namespace}.catalog.items.v1, 39 to {namespace}.events.click.v1." in result.stdout
    messages = list(read_topic(kafka.brokers, f"{namespace}.events.click.v1"))
    assert {m.key().decode(): m.partition() for m in messages} == {u: partition_of(u.encode(), 8) for u in users}
    assert all(begun <= m.timestamp()[1] <= time.time() * 1000 for m in messages)
    assert json.loads(messages[0].value())["item_id"] == "i1"
    catalog = {m.key().decode(): m.value() for m in read_topic(kafka.brokers, f"{namespace}.catalog.items.v1")}
    assert catalog.keys() == {"é1", "i9"}
    assert catalog["i9"] is None


@pytest.mark.usefixtures("topics")
def test_replay_leaves_refused_lines_out_unless_raw(kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    topic = f"{namespace}.events.click.v1"
    bad = click("2", item_id=7) | {"timestamp": 5}
    keyed = click("3") | {"key": "someone else"}
    file = str(write(tmp_path / "f", click("1"), bad, keyed, "{"))
    result = invoke("replay", file)
    assert result.exit_code == 1
    assert "line 2: wrong_type" in result.stderr
    assert "3 lines would be refused by a worker and were left out" in result.stderr
    assert len(list(read_topic(kafka.brokers, topic))) == 1
    result = invoke("replay", file, "--raw")
    assert result.exit_code == 0
    assert "1 of them are no records" in result.stderr
    raw = {json.loads(m.value())["event_id"]: m for m in read_topic(kafka.brokers, topic)}
    assert raw["2"].timestamp()[1] == 5
    assert raw["2"].key() == b"user-2"
    assert raw["3"].key() == b"someone else"


@pytest.mark.usefixtures("topics")
def test_replay_limit_and_rate(kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    file = str(write(tmp_path / "f", *[click(str(n)) for n in range(100)]))
    begun = time.monotonic()
    assert invoke("replay", file, "--limit", "11", "--rate", "20").exit_code == 0
    assert 0.5 <= time.monotonic() - begun < 5
    assert len(list(read_topic(kafka.brokers, f"{namespace}.events.click.v1"))) == 11


@pytest.mark.usefixtures("environment")
def test_replay_without_topics_makes_none(kafka: LocalKafka, namespace: str, tmp_path: Path) -> None:
    result = invoke("replay", str(write(tmp_path / "f", click("1"))))
    assert result.exit_code == 1
    assert "headwater topics create" in result.stderr
    found = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=10).topics
    assert not [name for name in found if name.startswith(namespace)]


def recommendation(user: str) -> dict[str, Any]:
    reason = {"kind": "co_watched", "anchor_item_id": "i1"}
    item = {"item_id": "i2", "title": "Ronin (1998)", "rank": 1, "score": 0.5, "reason": reason}
    return {
        "recommendation_id": user,
        "user_id": user,
        "created_at": "2026-03-01T10:00:00Z",
        "source": "personal",
        "items": [item],
        "text": f"For {user}.",
        "text_source": "frame",
    }


@pytest.mark.usefixtures("topics")
def test_tail_shows_what_is_there(kafka: LocalKafka, namespace: str) -> None:
    producer = event_producer(kafka.brokers)
    for user in ("ann", "bob", "cid"):
        producer.produce(f"{namespace}.recommendations.v1", json.dumps(recommendation(user)), user)
    assert producer.flush(10) == 0
    everybody = invoke("tail", "--from-beginning", "--count", "3")
    assert everybody.exit_code == 0
    assert sorted(line.split("  ")[1] for line in everybody.stdout.splitlines()) == ["ann", "bob", "cid"]
    assert "Ronin (1998) [interests the same people as i1]" in everybody.stdout
    one = invoke("tail", "--from-beginning", "--count", "1", "--user", "bob", "--json")
    assert json.loads(one.stdout) == recommendation("bob")


@pytest.mark.usefixtures("environment")
def test_tail_without_a_topic() -> None:
    result = invoke("tail", "--count", "1")
    assert result.exit_code == 1
    assert "headwater topics create" in result.stderr


@pytest.mark.usefixtures("topics")
def test_doctor_is_content(namespace: str) -> None:
    result = invoke("doctor")
    assert result.exit_code == 0, result.output
    assert f"of {namespace} are as they should be" in result.stdout


@pytest.mark.usefixtures("environment")
def test_doctor_misses_topics() -> None:
    result = invoke("doctor")
    assert result.exit_code == 1
    assert "Run `headwater topics create`" in result.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_broker_in_the_foreground(number: signal.Signals) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HEADWATER_BROKERS"}
    command = [sys.executable, "-m", "headwater.cli.main", "broker"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=interruptible
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip().removeprefix("export HEADWATER_BROKERS=")
    assert AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).brokers
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == (0 if number is signal.SIGINT else 143)
    assert "Traceback" not in errors
    log = Path(errors.split("its log is ")[1].split(". ")[0])
    assert not log.parent.exists()
