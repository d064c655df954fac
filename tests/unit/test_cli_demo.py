"""Figures of the demo's summary."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.cli.terminal import make_console
from headwater.demo.feed import DemoPhase, Outcome
from headwater.demo.scrape import Samples
from headwater.demo.summary import latency, percentile, summary
from headwater.demo.worker_process import WorkerProcess
from streams.errors import OperatorError


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_nearest_rank_percentile(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_one_value_is_every_percentile() -> None:
    assert latency([7]) == "p50 7 ms, p99 7 ms"
    assert latency([]) == "not measured"


def test_summary_tells_what_was_counted(capsys: pytest.CaptureFixture[str]) -> None:
    fast, paced = DemoPhase("unpaced", events=800, begun=10.0, ended=10.5), DemoPhase("paced at 5/s", 250, 20.0, 70.0)
    outcome = Outcome(answered=1049, records=900, phases=[fast, paced])
    outcome.sent.update(
        {"events.click.v1": 400, "events.purchase.v1": 600, "events.search.v1": 50, "catalog.items.v1": 9}
    )
    outcome.texts.update(frame=890, llm=10)
    fast.latencies["frame"] = [30, 50]
    paced.latencies |= {"frame": [3, 5], "template": [4], "llm": [900]}
    samples = Samples(
        [
            ("headwater_prequential_recall_ratio", {"model": "hybrid"}, 0.3),
            ("headwater_prequential_recall_ratio", {"model": "popularity"}, 0.1),
            ("headwater_dead_letters_total", {"reason": "a"}, 1.0),
            ("headwater_dead_letters_total", {"reason": "b"}, 2.0),
        ]
    )
    make_console().print(summary(outcome, samples, "Apache Kafka 4.3.1"))
    out = capsys.readouterr().out
    for words in (
        "1,050: 1,000 real MovieLens ratings and 50 derived genre searches",
        "1,600, unpaced",
        "p50 30 ms, p99 50 ms",
        "5, paced at 5/s",
        "900, 1 events without an answer",
        "p50 4 ms, p99 5 ms",
        "p50 900 ms, p99 900 ms",
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
