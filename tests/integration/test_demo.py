"""`headwater demo` end to end, small: what it prints, and that nothing is left of it however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.waiting import interruptible

pytestmark = pytest.mark.integration

COMMAND = [sys.executable, "-m", "headwater.cli.main", "demo", "--events", "400"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No broker of ours, no model, temporary files where we can see them."""
    kept = {name: value for name, value in os.environ.items() if name != "HEADWATER_BROKERS"}
    return kept | {"HEADWATER_MODEL_BACKEND": "none", "TMPDIR": str(tmp_path)}


def descendants(pid: int) -> set[int]:
    """Process ids of everything that ``pid`` started, and what that started."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    found: set[int] = set()
    while fresh := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= fresh
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def test_demo_from_start_to_summary(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND, env=environment, capture_output=True, text=True, timeout=150, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    assert "420: 400 real MovieLens ratings and 20 derived genre searches" in done.stdout
    assert "every event answered" in done.stdout
    assert "Apache Kafka" in done.stdout
    assert "p50 " in done.stdout and "p99 " in done.stdout
    assert "text: " in done.stderr  # at least one panel
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("headwater-*")) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_nothing_is_left_when_it_is_ended(
    number: signal.Signals, status: int, environment: dict[str, str], tmp_path: Path
) -> None:
    demo = subprocess.Popen(
        COMMAND, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=interruptible
    )
    assert demo.stderr is not None
    for line in demo.stderr:
        if line.startswith("Starting a worker") or "Sent the catalogue" in line:
            break
    time.sleep(1.0)
    started = descendants(demo.pid)
    assert len(started) >= 4  # broker and worker, each under its guard
    demo.send_signal(number)
    errors = demo.stderr.read()
    assert demo.wait(40) == status
    assert "Traceback" not in errors
    deadline = time.monotonic() + 20
    while (alive(started) or list(tmp_path.glob("headwater-*"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(started) == set()
    assert list(tmp_path.glob("headwater-*")) == []
    demo.stderr.close()
