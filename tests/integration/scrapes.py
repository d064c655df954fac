"""Scrapes of a worker's /metrics as tests look at them, and the same scrapes as promtool's input series."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.worker import Worker

ALERTS = Path(__file__).parents[2] / "deploy" / "alerts.yml"
Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not on the PATH (Debian: apt install prometheus)"
)


@dataclass(frozen=True, slots=True)
class Scrape:
    """One scrape: what it said, and its samples by name and labels."""

    text: str
    samples: dict[Key, float]

    @classmethod
    def of(cls, worker: Worker) -> Scrape:
        """Scrape ``worker`` now."""
        status, text = worker.page("/metrics")
        assert status == 200
        families = text_string_to_metric_families(text)
        samples = [sample for family in families for sample in family.samples]
        found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
        assert len(found) == len(samples), "a series is shown twice"
        return cls(text, found)

    @property
    def own(self) -> set[Key]:
        """Series of the worker, without those of the Python client."""
        return {key for key in self.samples if key[0].startswith("headwater_")}

    def value(self, name: str, **labels: str) -> float:
        """Sum of the samples of ``name`` whose labels contain ``labels``; 0 without any."""
        wanted = labels.items()
        return sum(
            value for (each, found), value in self.samples.items() if each == name and wanted <= dict(found).items()
        )

    def histograms(self) -> Iterator[Histogram]:
        """Every histogram that has observations."""
        counts = [key for key in self.samples if key[0].endswith("_count") and key[0].startswith("headwater_")]
        for name, labels in counts:
            found = Histogram.of(self, name.removesuffix("_count"), dict(labels))
            if found.count:
                yield found


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cumulative counts by upper bound, as Prometheus has them."""

    name: str
    labels: dict[str, str]
    buckets: list[tuple[float, float]]
    count: float
    total: float

    @classmethod
    def of(cls, scrape: Scrape, name: str, labels: dict[str, str] | None = None) -> Histogram:
        """The histogram ``name`` of ``scrape``."""
        wanted = labels or {}
        buckets = [
            (float(dict(found)["le"]), value)
            for (each, found), value in scrape.samples.items()
            if each == f"{name}_bucket" and wanted.items() <= dict(found).items()
        ]
        return cls(
            name,
            wanted,
            sorted(buckets),
            scrape.value(f"{name}_count", **wanted),
            scrape.value(f"{name}_sum", **wanted),
        )

    def quantile(self, q: float) -> float:
        """As ``histogram_quantile()`` of Prometheus: linear within the bucket."""
        rank, below, lower = q * self.count, 0.0, 0.0
        for bound, count in self.buckets:
            if count >= rank:
                return (
                    lower if bound == math.inf else lower + (bound - lower) * (rank - below) / max(count - below, 1e-9)
                )
            below, lower = count, bound
        return lower

    @property
    def share_of_first(self) -> float:
        return self.buckets[0][1] / self.count

    @property
    def share_beyond(self) -> float:
        return 1 - self.buckets[-2][1] / self.count


def series(scrapes: Sequence[tuple[Scrape | None, int]]) -> list[dict[str, str]]:
    """Input series of promtool: each scrape holds for a number of samples; None: no answer for so long."""
    keys = {key for scrape, _ in scrapes if scrape is not None for key in scrape.samples}
    made = []
    for name, labels in sorted(keys):
        values = []
        for scrape, times in scrapes:
            value = None if scrape is None else scrape.samples.get((name, labels))
            values.append("_" + f"x{times}" if value is None else f"{value!r}+0x{times - 1}")
        text = ",".join(
            f'{label}="{value}"' for label, value in (*labels, ("job", "headwater"), ("instance", "w0:9464"))
        )
        made.append({"series": f"{name}{{{text}}}", "values": " ".join(values)})
    return made


def assert_alerts(folder: Path, inputs: list[dict[str, str]], fired: dict[str, dict[str, int]]) -> None:
    """By each time (``"30m"``) exactly these alerts have fired, each for so many label sets; samples are 15 s apart."""
    expected = [
        {
            "expr": f'count by (alertname) (max_over_time(ALERTS{{alertstate="firing"}}[{time}]))',
            "eval_time": time,
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": count} for name, count in alerts.items()],
        }
        for time, alerts in fired.items()
    ]
    promtool_test(folder, inputs, expected)


def promtool_test(folder: Path, inputs: list[dict[str, str]], expected: list[dict[str, object]]) -> None:
    """``promtool test rules`` with the shipped rules; fails with what it says."""
    test = {"interval": "15s", "input_series": inputs, "promql_expr_test": expected}
    path = folder / "rules-test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "15s", "tests": [test]}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
