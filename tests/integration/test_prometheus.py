"""A real Prometheus (Debian's package) scrapes a worker's pages; skipped where it is not installed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.health import Health
from streams.http import HttpServer
from streams.metrics import EventOutcome, Metrics, Ranker, Stage
from streams.topics import CLICK

ROOT = Path(__file__).parents[2]
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not on the PATH (Debian: apt install prometheus)"
)
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not on the PATH (Debian: apt install prometheus)"
)


@pytest.fixture
def metrics() -> Metrics:
    metrics = Metrics()
    metrics.events.of(CLICK, EventOutcome.LEARNED).add(4096)
    metrics.event_to_record_seconds.of().observe_many([0.02] * 90 + [0.5] * 10)
    metrics.recall.of(Ranker.HYBRID).set(0.25)
    return metrics


@pytest.fixture
def server(metrics: Metrics) -> Iterator[HttpServer]:
    with HttpServer(metrics, Health(), port=0) as server:
        yield server


class Prometheus:
    """A Prometheus of its own on a free loopback port, scraping one target every second."""

    def __init__(self, directory: Path, target: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        job = {"job_name": "headwater", "static_configs": [{"targets": [target]}]}
        config = directory / "prometheus.yml"
        config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))
        self.log = directory / "prometheus.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={config}",
                    f"--storage.tsdb.path={directory / 'data'}",
                    f"--web.listen-address={self.address}",
                ],
                stdout=log,
                stderr=log,
            )

    def api(self, path: str, **query: str) -> Any:
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]

    def value(self, query: str) -> float | None:
        found = self.api("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else None

    def wait_for(self, query: str, wanted: float, seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        last: object = None
        while time.monotonic() < until:
            try:
                last = self.value(query)
            except OSError as exc:
                last = exc
            if last == wanted:
                return
            time.sleep(0.2)
        raise AssertionError(f"{query} is {last}, not {wanted}; log:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def prometheus(server: HttpServer, tmp_path: Path) -> Iterator[Prometheus]:
    prometheus = Prometheus(tmp_path, server.url.removeprefix("http://"))
    yield prometheus
    prometheus.stop()


@needs_prometheus
def test_prometheus_scrapes_the_pages(prometheus: Prometheus, metrics: Metrics) -> None:
    prometheus.wait_for('up{job="headwater"}', 1.0)
    prometheus.wait_for('headwater_events_total{topic="events.click.v1",outcome="learned"}', 4096.0)
    (target,) = prometheus.api("targets")["activeTargets"]
    assert target["health"] == "up" and target["lastError"] == ""
    assert prometheus.value('headwater_prequential_recall_ratio{model="hybrid"}') == 0.25
    assert prometheus.value('headwater_prequential_recall_ratio{model="popularity"}') is None
    median = prometheus.value("histogram_quantile(0.5, headwater_event_to_record_seconds_bucket)")
    assert median is not None and 0.014 < median < 0.026


@needs_prometheus
def test_the_first_dead_letter_is_an_increase_of_one(prometheus: Prometheus, metrics: Metrics) -> None:
    """Case c61: a counter that appears with its first increment hides it."""
    series = 'headwater_dead_letters_total{stage="profiles",reason="broken_json"}'
    prometheus.wait_for(f"count_over_time({series}[1m]) > bool 2", 1.0)
    reason = next(code for code in metrics.dead_letters.definition.labels[1].values if code == "broken_json")
    metrics.dead_letters.of(Stage.PROFILES, reason).add()
    prometheus.wait_for(series, 1.0)
    prometheus.wait_for(f"round(delta({series}[1m:1s])) >= bool 1", 1.0)
    assert prometheus.value('sum(increase(headwater_dead_letters_total{reason!="broken_json"}[1m]))') == 0.0


@needs_promtool
def test_promtool_finds_nothing_to_improve(server: HttpServer) -> None:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=5) as answer:
        page = answer.read()
    result = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, timeout=60, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, b"")


@needs_promtool
def test_promtool_accepts_the_shipped_configuration() -> None:
    command = ["promtool", "check", "config", str(ROOT / "deploy/prometheus.yml")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
