"""The option ``--half``, which picks among the fault tests."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.faults.halves import CHOICES, half_of, in_half


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--half", choices=CHOICES, default="all", help="fault tests: all, today's half (auto), or a half")


def pytest_configure(config: pytest.Config) -> None:
    """Before the processes of xdist start, so that all of them have the same day."""
    if config.option.half == "auto":
        config.option.half = str(half_of(datetime.now(UTC).date()))


def pytest_report_header(config: pytest.Config) -> str | None:
    if config.option.half == "all":
        return None
    half = int(config.option.half)
    return f"half {half} of the fault tests; the other one: make test-faults HALF={1 - half}, all: make test-faults"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """After ``-m`` and ``-k`` have chosen; tests that are no fault tests all stay."""
    if config.option.half == "all":
        return
    faults = {item.nodeid for item in items if item.get_closest_marker("faults")}
    left_out = faults - in_half(faults, int(config.option.half))
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
    items[:] = [item for item in items if item.nodeid not in left_out]
