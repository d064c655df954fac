"""The private Kafka's jars: pinned, checked before every use, with errors that name the way out."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from headwater.local_kafka.jars import KAFKA_VERSION, ROOTS, KafkaJarsError, kafka_class_path, read_lock


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request ends at a port where nobody listens."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_lock_pins_every_jar_by_hash() -> None:
    jars = read_lock()
    assert len({jar.file_name for jar in jars}) == len(jars) > 40
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in jars)
    coordinates = {f"{jar.group}:{jar.artifact}:{jar.version}" for jar in jars}
    assert set(ROOTS) <= coordinates
    versions = {jar.version for jar in jars if jar.group == "org.apache.kafka"}
    assert versions == {KAFKA_VERSION}  # nothing pulls the clients back


def test_lock_names_no_registry() -> None:
    text = (Path(__file__).parents[2] / "headwater" / "local_kafka" / "kafka.lock").read_text()
    assert "://" not in text


@pytest.mark.usefixtures("offline")
def test_offline_names_the_two_settings(tmp_path: Path) -> None:
    pytest.importorskip("jgo", reason="the extra `broker` is not installed")
    with pytest.raises(KafkaJarsError) as caught:
        kafka_class_path(tmp_path, None, lambda line: None)
    assert "HEADWATER_BROKERS" in str(caught.value)
    assert "KAFKA_HOME" in str(caught.value)
    assert [path for path in (tmp_path / f"kafka-{KAFKA_VERSION}").iterdir()] == []


@pytest.mark.usefixtures("offline")
def test_a_jar_that_is_not_the_pinned_one_is_never_used(tmp_path: Path) -> None:
    pytest.importorskip("jgo", reason="the extra `broker` is not installed")
    folder = tmp_path / f"kafka-{KAFKA_VERSION}"
    folder.mkdir()
    for jar in read_lock():
        (folder / jar.file_name).write_bytes(b"not this jar")
    with pytest.raises(KafkaJarsError):
        kafka_class_path(tmp_path, None, lambda line: None)


def test_kafka_home_is_used_as_it_is(tmp_path: Path) -> None:
    libraries = tmp_path / "libs"
    libraries.mkdir()
    for name in ("kafka_2.13-4.1.0.jar", "kafka_2.13-4.1.0-sources.jar", "kafka-clients-4.1.0.jar"):
        (libraries / name).touch()
    class_path, version = kafka_class_path(tmp_path / "cache", tmp_path, lambda line: None)
    assert class_path == f"{libraries}{os.sep}*"
    assert version == "4.1.0"


def test_kafka_home_without_kafka_is_told(tmp_path: Path) -> None:
    with pytest.raises(KafkaJarsError, match=re.escape(f"KAFKA_HOME={tmp_path} holds no libs/kafka_2.13")):
        kafka_class_path(tmp_path, tmp_path, lambda line: None)
