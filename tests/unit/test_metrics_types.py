"""A typo in a metric or a label fails the type check."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = """
from streams.metrics import EventOutcome, Metrics
from streams.topology import CLICK
metrics = Metrics()
metrics.events.of(CLICK, EventOutcome.LEARNED).add(2)
metrics.ranking_seconds.of().observe(0.1)
metrics.consumer_lag.of(CLICK, 3).set(1)
"""
TYPOS = {
    "metrics.event.of(CLICK, EventOutcome.LEARNED)": 'has no attribute "event"',
    "metrics.events.of(CLICK, EventOutcome.LERNED)": 'has no attribute "LERNED"',
    "metrics.events.of(CLICK, 'learned')": "incompatible type",
    "metrics.events.of(CLICK)": "Too few arguments",
    "metrics.events.of(EventOutcome.LEARNED, CLICK)": "incompatible type",
    "metrics.events.of(CLICK, EventOutcome.LEARNED).observe(1)": 'has no attribute "observe"',
    "metrics.ranking_seconds.of().add(1)": 'has no attribute "add"',
    "metrics.consumer_lag.of(CLICK, '3').set(1)": "incompatible type",
}


@pytest.mark.timeout(300)
def test_typos_fail_the_type_check(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is not installed (pip install -e .[dev])")
    file = tmp_path / "use.py"
    file.write_text(GOOD + "\n".join(TYPOS))
    first = GOOD.count("\n") + 1
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in result.stdout.splitlines() if "use.py:" in line and ": error:" in line]
    by_line = {int(line.split("use.py:")[1].split(":")[0]): line for line in errors}
    assert sorted(by_line) == list(range(first, first + len(TYPOS))), result.stdout + result.stderr
    for number, expected in enumerate(TYPOS.values(), first):
        assert expected in by_line[number]
