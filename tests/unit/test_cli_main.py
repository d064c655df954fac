"""The command line starts fast, documents itself and ends with the right status."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from headwater.cli.main import app

HEAVY = ("numpy", "numba", "faust", "confluent_kafka", "pydantic", "msgspec", "torch", "rich.console", "operators")
COMMANDS = ("demo", "worker", "topics", "replay", "tail", "validate", "evaluate", "fetch", "broker", "doctor")


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, headwater.cli.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("headwater ")


@pytest.mark.parametrize("arguments", [["nonsense"], ["validate"], ["replay", "x", "--rate", "-1"], ["fetch", "all"]])
def test_wrong_usage_is_status_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2
