"""Figures of the demo's summary."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.cli.console import make_console
from streams.cli.scrape import Samples
from streams.demo.feed import Outcome
from streams.demo.summary import latency, percentile, summary
from streams.demo.worker_process import WorkerProcess
from streams.errors import OperatorError


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_nearest_rank_percentile(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_one_value_is_every_percentile() -> None:
    assert latency([7]) == "p50 7 ms, p99 7 ms"
    assert latency([]) == "not measured"


def test_summary_tells_what_was_counted(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(answered=1049, records=900, seconds=2.0)
    outcome.sent.update(
        {"events.click.v1": 400, "events.purchase.v1": 600, "events.search.v1": 50, "catalog.items.v1": 9}
    )
    outcome.texts.update(frame=890, llm=10)
    outcome.latencies["frame"] = [3, 5]
    outcome.latencies["llm"] = [900]
    samples = Samples(
        [
            ("headwater_prequential_recall_ratio", {"model": "hybrid"}, 0.3),
            ("headwater_prequential_recall_ratio", {"model": "popularity"}, 0.1),
            ("headwater_dead_letters_total", {"reason": "a"}, 1.0),
            ("headwater_dead_letters_total", {"reason": "b"}, 2.0),
        ]
    )
    make_console().print(summary(outcome, samples, "Apache Kafka 4.3.1", "paced"))
    out = capsys.readouterr().out
    for words in (
        "1,050: 1,000 real MovieLens ratings and 50 derived genre searches",
        "525 (paced)",
        "900, 1 events without an answer",
        "p50 5 ms, p99 900 ms",
        "p50 3 ms, p99 5 ms",
        "0.300 beside 0.100 of popularity",
        "890 frame, 10 llm",
        "Apache Kafka 4.3.1",
    ):
        assert words in out
    assert "MRR@20" in out and "not measured" in out


def test_a_worker_that_ends_says_why_and_keeps_its_log(tmp_path: Path) -> None:
    folder = tmp_path / "demo-of-test"
    folder.mkdir()
    environment = {"HEADWATER_LOG_LEVEL": "LOUD", "HEADWATER_BROKERS": "127.0.0.1:1"}
    ended = pytest.raises(OperatorError, match="ended with status 2")
    with ended as caught, WorkerProcess(folder, environment) as worker:
        worker.wait_until_ready(lambda reasons: None)
    assert "HEADWATER_LOG_LEVEL=LOUD" in str(caught.value)
    kept = Path(str(caught.value).split("Its log is ")[1].split(",")[0])
    assert "HEADWATER_LOG_LEVEL=LOUD" in kept.read_text()
    kept.unlink()
