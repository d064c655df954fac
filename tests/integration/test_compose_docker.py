"""The compose file as it is, run by a real Docker engine; skipped, with the reason, where none answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from testcontainers.compose import DockerCompose

ROOT = Path(__file__).parents[2]


def _why_not() -> str:
    """Why the suite cannot run here; empty when it can."""
    if shutil.which("docker") is None:
        return "docker is not on the PATH"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            return f"`{' '.join(command)}` does not answer"
        if answer.returncode:
            lines = answer.stderr.strip().splitlines()
            return f"`{' '.join(command)}` fails: {lines[-1] if lines else 'no message'}"
    return ""


WHY_NOT = _why_not()
pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(bool(WHY_NOT), reason=f"no Docker engine: {WHY_NOT}"),
]


@pytest.fixture(scope="module")
def compose() -> Iterator[DockerCompose]:
    with DockerCompose(str(ROOT), build=True, wait=False) as running:
        yield running


def wait_until_healthy(compose: DockerCompose, service: str, seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    health: str | None = None
    while time.monotonic() < until:
        health = compose.get_container(service).Health
        if health == "healthy":
            return
        time.sleep(2)
    raise AssertionError(f"{service} is {health}; logs: {compose.get_logs(service)}")


def test_all_services_become_healthy(compose: DockerCompose) -> None:
    wait_until_healthy(compose, "kafka")
    for service in ("worker", "prometheus"):
        wait_until_healthy(compose, service)
    assert compose.get_container("topics", include_all=True).ExitCode == 0


def test_an_event_is_answered(compose: DockerCompose) -> None:
    from confluent_kafka import Consumer, Producer

    wait_until_healthy(compose, "worker")
    broker = {"bootstrap.servers": "localhost:9092"}
    consumer = Consumer(broker | {"group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe(["headwater.recommendations.v1"])
    producer = Producer(broker | {"partitioner": "murmur2_random"})
    now = int(time.time() * 1000)
    events = [(f"user-{n}", f"item-{n % 3}") for n in range(9)]
    for number, (user, item) in enumerate(events):
        value = {"event_id": f"e{number}", "user_id": user, "item_id": item, "occurred_at": now}
        producer.produce("headwater.events.click.v1", key=user, value=json.dumps(value))
    assert producer.flush(30) == 0
    until, record = time.monotonic() + 120, None
    while record is None and time.monotonic() < until:
        record = consumer.poll(1)
    consumer.close()
    assert record is not None and record.error() is None
    assert json.loads(record.value() or b"{}")["items"]


def test_prometheus_finds_every_worker(compose: DockerCompose) -> None:
    subprocess.run(
        [*compose.compose_command_property, "up", "--detach", "--scale", "worker=2"], cwd=ROOT, check=True, timeout=600
    )
    query = "http://127.0.0.1:9090/api/v1/query?query=sum(up{job=%22headwater%22})"
    until, workers = time.monotonic() + 180, 0.0
    while workers != 2.0 and time.monotonic() < until:
        with urllib.request.urlopen(query, timeout=5) as answer:
            found = json.load(answer)["data"]["result"]
        workers = float(found[0]["value"][1]) if found else 0.0
        time.sleep(2)
    assert workers == 2.0


def test_the_worker_is_not_root_and_writes_only_its_state(compose: DockerCompose) -> None:
    out, _, code = compose.exec_in_container(["id", "-u"], "worker")
    assert (out.strip(), code) == ("10001", 0)
    compose.exec_in_container(["touch", "/var/lib/headwater/x"], "worker")
    with pytest.raises(subprocess.CalledProcessError):
        compose.exec_in_container(["touch", "/opt/headwater/x"], "worker")
