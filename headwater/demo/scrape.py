"""A worker's ``/metrics``, read as any Prometheus would."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of one scrape: (name, labels, value)."""

    rows: list[tuple[str, dict[str, str], float]]

    def of(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Labels and values of a metric."""
        return ((labels, value) for found, labels, value in self.rows if found == name)

    def total(self, name: str, **labels: str) -> float:
        """Sum of the series that carry these labels, 0 where there are none."""
        return sum(value for found, value in self.of(name) if labels.items() <= found.items())

    def first(self, name: str, **labels: str) -> float | None:
        """Value of the first series that carries these labels, None while there is none."""
        return next((value for found, value in self.of(name) if labels.items() <= found.items()), None)


def scrape(address: str, timeout: float) -> Samples:
    """All samples of ``address``/metrics; raises ``OSError`` when nobody answers."""
    from prometheus_client.parser import text_string_to_metric_families

    with urllib.request.urlopen(f"{address}/metrics", timeout=timeout) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return Samples([(s.name, dict(s.labels), s.value) for family in families for s in family.samples])
