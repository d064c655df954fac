"""The private broker: real Apache Kafka, and nothing of it left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from headwater.local_kafka.broker import LocalKafka
from headwater.local_kafka.jars import kafka_class_path
from headwater.local_kafka.server import HOST, LocalKafkaError
from streams.settings import Settings

pytestmark = pytest.mark.integration

OWNER = """
import sys, time
from headwater.local_kafka.jars import kafka_class_path
from headwater.local_kafka.broker import LocalKafka
from streams.settings import Settings
kafka = LocalKafka.from_settings(Settings())
kafka.start()
print(kafka.pid, kafka.log_dir.parent, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def own() -> Iterator[LocalKafka]:
    """A broker of this module alone, to stop and pause."""
    with LocalKafka.from_settings(Settings()) as kafka:
        yield kafka


def produce(kafka: LocalKafka, topic: str, value: bytes) -> None:
    failures: list[object] = []
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "message.max.bytes": 4 << 20, "log_level": 0})
    producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(30) == 0
    assert failures == []


def read_all(kafka: LocalKafka, topic: str, count: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    deadline = time.monotonic() + 30
    values: list[bytes] = []
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(1.0)
        if message is not None and message.error() is None:
            values.append(message.value())
    consumer.close()
    return values


def create(kafka: LocalKafka, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.faults
def test_data_survives_stop_and_crash(own: LocalKafka) -> None:
    address = own.bootstrap
    create(own, "kept")
    produce(own, "kept", b"before the stop")
    own.stop()
    assert not own.running
    own.start()
    produce(own, "kept", b"before the crash")
    own.kill()
    own.start()
    assert own.bootstrap == address
    assert read_all(own, "kept", 2) == [b"before the stop", b"before the crash"]


def test_takes_the_2_mb_that_the_topics_promise(own: LocalKafka) -> None:
    create(own, "large")
    produce(own, "large", bytes(2_000_000))
    assert len(read_all(own, "large", 1)[0]) == 2_000_000


def test_listens_on_loopback_only_and_version_is_pinned(own: LocalKafka) -> None:
    host, port = own.bootstrap.split(":")
    assert host == HOST
    with socket.socket() as probe:  # the same port of all other addresses of this machine is free
        probe.bind(("127.0.0.2", int(port)))
    assert own.version.startswith("4.") or os.environ.get("KAFKA_HOME")


def test_paused_broker_hangs_and_answers_again(own: LocalKafka) -> None:
    admin = AdminClient({"bootstrap.servers": own.bootstrap, "log_level": 0})
    own.pause()
    with pytest.raises(Exception, match=r"timed out|TRANSPORT"):
        admin.list_topics(timeout=1.5)
    own.resume()
    assert admin.list_topics(timeout=20).brokers


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_owner_is_killed(number: signal.Signals) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid, folder = owner.stdout.readline().split()
    assert is_alive(int(pid)) and Path(folder).is_dir()
    owner.send_signal(number)
    owner.wait()
    deadline = time.monotonic() + 10
    while (is_alive(int(pid)) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(int(pid))
    assert not Path(folder).exists()
    owner.stdout.close()


def test_closing_removes_process_and_data() -> None:
    with LocalKafka.from_settings(Settings()) as kafka:
        pid, folder = kafka.pid, kafka.log_dir.parent
        assert is_alive(pid) and folder.is_dir()
    assert not is_alive(pid)
    assert not folder.exists()


def test_a_start_that_fails_keeps_the_log_and_says_where() -> None:
    broken = LocalKafka(Settings().cache_dir, properties={"log.retention.ms": "soon"})
    with pytest.raises(LocalKafkaError, match="HEADWATER_BROKERS") as caught:
        broken.start()
    kept = Path(str(caught.value).split("its log is ")[1].split(" ")[0])
    assert "log.retention.ms" in kept.read_text()
    assert not kept.with_suffix("").exists()  # its folder
    kept.unlink()
    assert not broken.running


def test_an_unpacked_kafka_is_run_instead(tmp_path: Path) -> None:
    class_path, version = kafka_class_path(Settings().cache_dir, None, print)
    libraries = tmp_path / "libs"
    libraries.mkdir()
    for jar in map(Path, class_path.split(os.pathsep)):
        (libraries / jar.name).symlink_to(jar)
    with LocalKafka(tmp_path / "no-cache", kafka_home=tmp_path) as kafka:
        assert kafka.version == version
        assert AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=10).brokers
    assert not (tmp_path / "no-cache").exists()
