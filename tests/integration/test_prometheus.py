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

from streams.metrics import ComparedList, EventOutcome, Metrics
from streams.topology import CLICK, PROFILES
from streams.worker.health import Health
from streams.worker.http import HttpServer
from tests.integration.scrapes import ALERTS, assert_alerts, needs_promtool

ROOT = Path(__file__).parents[2]
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not on the PATH (Debian: apt install prometheus)"
)


@pytest.fixture
def metrics() -> Metrics:
    metrics = Metrics()
    metrics.events.of(CLICK, EventOutcome.LEARNED).add(4096)
    metrics.event_to_record_seconds.of().observe(0.02, 90)
    metrics.event_to_record_seconds.of().observe(0.5, 10)
    metrics.recall.of(ComparedList.HYBRID).set(0.25)
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
    """A counter that appears with its first increment hides it."""
    series = 'headwater_dead_letters_total{stage="profiles",reason="broken_json"}'
    prometheus.wait_for(f"count_over_time({series}[1m]) > bool 2", 1.0)
    reason = next(code for code in metrics.dead_letters.definition.labels[1].values if code == "broken_json")
    metrics.dead_letters.of(PROFILES, reason).add()
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


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_alerts() -> None:
    command = ["promtool", "check", "rules", "--lint=all", "--lint-fatal", str(ALERTS)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def written(**series: str) -> list[dict[str, str]]:
    """Input series by name; labels behind ``__`` as ``label__value``."""
    made = []
    for name, values in series.items():
        metric, *labels = name.split("__")
        pairs = [*zip(labels[::2], labels[1::2], strict=True), ("job", "headwater"), ("instance", "w0")]
        text = ",".join(f'{label}="{value}"' for label, value in pairs)
        made.append({"series": f"{metric}{{{text}}}", "values": values})
    return made


def buckets(quick: str, slow: str) -> dict[str, str]:
    """Cumulative counts of records within 0.1 s, and of all of them, none slower than 12 s."""
    name = "headwater_event_to_record_seconds_bucket__le__"
    return {f"{name}0.1": quick, f"{name}12.0": slow, f"{name}+Inf": slow}


RECALL, WINDOW = "headwater_prequential_recall_ratio__model__", "headwater_prequential_window_events"
TEXTS, LAG = "headwater_texts_total__text_source__", "headwater_consumer_lag_records__topic__t__partition__"
STATE = "headwater_model_state__state__"
UNREAD, EMPTY = "headwater_unread_records__stage__", "headwater_empty_lists_total__cause__"
LATE = "headwater_too_old_events_total__topic__t__cause__"
RECORDS = "headwater_recommendations_total__source__"
LEARNED = "headwater_events_total__topic__t__outcome__learned"
# alert -> series of 60 minutes (15 s apart) that fire it, and that do not
FIRING = {
    "HeadwaterDown": ({"up": "1x40 0x200"}, {"up": "1x40 0x15 1x100"}),
    "HeadwaterNotReady": ({"headwater_ready": "0x240"}, {"headwater_ready": "0x30 1x100 0x30 1x80"}),
    "HeadwaterRestarting": (
        {"process_start_time_seconds": "100x20 200x20 300x20 400x20 500x160"},
        {"process_start_time_seconds": "100x60 _x8 200x60 _x8 300x104"},
    ),
    "HeadwaterNotCommitting": (
        {"headwater_commit_age_seconds__topic__t__partition__0": "0+15x240"},
        {"headwater_commit_age_seconds__topic__t__partition__0": "1x60 0+15x8 1x170"},
    ),
    "HeadwaterLagGrowing": (
        {f"{LAG}0": "0+100x240", f"{LAG}1": "0x240"},
        {f"{LAG}0": "90000-300x240", f"{LAG}1": "0+10x240"},
    ),
    "HeadwaterStageMissing": (
        {f"{UNREAD}catalog": "0x40 100x200", f"{UNREAD}items": "0x240"},
        {f"{UNREAD}catalog": "0x228 100x12", f"{UNREAD}items": "0x240"},
    ),
    "HeadwaterNoAnswers": (
        {f"{LATE}late": "0x120 0+1x120", f"{LATE}again": "0x240", f"{RECORDS}personal": "0+10x120 1200x120"},
        {f"{LATE}late": "0+1x240", f"{LATE}again": "0+50x240", f"{RECORDS}personal": "0+1x240"},
    ),
    "HeadwaterLateEvents": (
        {f"{LATE}late": "0+1x240", f"{RECORDS}personal": "0+3x240", LEARNED: "0+4x240"},
        {f"{LATE}late": "0x200 0+9x40", f"{RECORDS}personal": "0+3x240", LEARNED: "0+3x200 600+12x40"},
    ),
    "HeadwaterEmptyLists": (
        {f"{EMPTY}no_items": "0+3x240", f"{RECORDS}trending": "0+10x240"},
        {f"{EMPTY}no_items": "0+1x240", f"{RECORDS}trending": "0+1x120 120+10x120"},
    ),
    "HeadwaterLatencyHigh": (buckets("0+97x240", "0+100x240"), buckets("0+997x240", "0+1000x240")),
    "HeadwaterDeadLetters": (
        {"headwater_dead_letters_total__stage__profiles__reason__bad_id": "0x100 1x140"},
        {"headwater_dead_letters_total__stage__profiles__reason__bad_id": "7x100 _x4 0x130"},
    ),
    "HeadwaterMisplacedUsers": (
        {"headwater_misplaced_users_total__topic__t": "0x100 3x140"},
        {"headwater_misplaced_users_total__topic__t": "3x240"},
    ),
    "HeadwaterModelBroken": (
        {f"{STATE}restarting": "0x20 1x20 0x20 1x20 0x160", f"{STATE}broken": "0x20 0x20 1x20 0x20 1x160"},
        {f"{STATE}restarting": "0x20 1x8 0x212", f"{STATE}broken": "0x28 1x20 0x192"},
    ),
    "HeadwaterTextMostlyTemplate": (
        {f"{TEXTS}template": "0+8x240", f"{TEXTS}frame": "0+2x240"},
        {f"{TEXTS}template": "0+8x240", f"{TEXTS}frame": "0x240"},
    ),
    "HeadwaterNoBetterThanPopularity": (
        {f"{RECALL}hybrid": "0.1x600", f"{RECALL}popularity": "0.2x600", WINDOW: "3000x600"},
        {f"{RECALL}hybrid": "0x600", f"{RECALL}popularity": "0.2x600", WINDOW: "150x600"},
    ),
}


@needs_promtool
@pytest.mark.parametrize("alert", FIRING)
def test_an_alert_fires_for_what_it_is_there_for(alert: str, tmp_path: Path) -> None:
    """Each rule over written series: once what it names, once what comes near and is none."""
    time_ = "2h30m" if alert == "HeadwaterNoBetterThanPopularity" else "1h"
    fires, quiet = FIRING[alert]
    assert_alerts(tmp_path, written(**fires), {time_: {alert: 1}})
    assert_alerts(tmp_path, written(**quiet), {time_: {}})


def test_no_alert_is_left_untested() -> None:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    assert {rule["alert"] for rule in group["rules"]} == set(FIRING)
