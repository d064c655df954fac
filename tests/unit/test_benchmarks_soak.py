"""The verdict of a soak, and what the command for all tables says of one that could not run."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest

import benchmarks.__main__ as tables
from benchmarks.report import MET, NOTHING
from benchmarks.soak_report import BOUNDS, Sample, plot, trends, write_csv

FLAT = [
    Sample(10.0 * n, 500 + 2 * math.sin(n), 150, 14, 2 + 0.1 * math.cos(n), 10 + math.sin(n), 900, 0, 0.5)
    for n in range(60)
]


def growing(samples: list[Sample]) -> set[str]:
    return {one.bound.name for one in trends(samples) if not one.flat}


def test_noise_is_flat() -> None:
    assert growing(FLAT) == set()


def test_what_grows_while_warming_up_is_flat() -> None:
    assert growing([replace(sample, memory_mib=min(300 + sample.seconds, 450)) for sample in FLAT]) == set()


def test_one_outlier_is_flat() -> None:
    assert growing([*FLAT[:-1], replace(FLAT[-1], p99_ms=900.0, memory_mib=800.0)]) == set()


def test_each_figure_that_grows_is_told() -> None:
    leaking = [
        replace(
            sample, memory_mib=500 + n, handles=150 + n // 3, threads=14 + n // 20, p50_ms=2 + n / 50,
            p99_ms=10 + n / 5,
            lag=900 + 20 * n,
        )
        for n, sample in enumerate(FLAT)
    ]  # fmt: skip
    assert growing(leaking) == {bound.name for bound in BOUNDS}


def test_the_plot_has_a_panel_for_each_figure_and_the_file_a_line_for_each_sample(tmp_path: Path) -> None:
    text = plot(FLAT)
    assert all(f"{bound.name}, over minutes" in text for bound in BOUNDS) and "\x1b" not in text
    write_csv(FLAT, tmp_path / "soak.csv")
    with (tmp_path / "soak.csv").open() as file:
        assert [float(row["seconds"]) for row in csv.DictReader(file)] == [sample.seconds for sample in FLAT]


def test_a_table_that_fails_is_not_taken_for_one_that_misses_its_bar(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    module = "tests.unit.no_such_table"
    assert tables.measure(tables.Table(8, "none", module), quick=False) == NOTHING
    assert tables.measure(tables.Table(9, "breaks", "benchmarks.plain_faust", ("only-one",)), quick=False) == NOTHING
    assert tables.measure(tables.Table(9, "nothing", "benchmarks.errors"), quick=True) == MET
    assert f"there is no {module}" in capfd.readouterr().out
