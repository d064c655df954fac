"""Tables of metrics and their labels."""

from __future__ import annotations

from typing import Any

from headwater.docs.markdown import codes, escape, table
from streams.metrics import PARTITION, Label, Metrics
from streams.settings import Settings


def metrics_table() -> str:
    """Every metric with meaning and remedy."""
    rows = [
        (f"`{d.name}`", d.kind, d.unit, codes(label.name for label in d.labels), escape(d.meaning), escape(d.remedy))
        for d in Metrics().registry.definitions
    ]
    return table(("metric", "type", "unit", "labels", "meaning", "when it is off"), rows)


def labels_table() -> str:
    """The closed sets of label values."""
    texts: dict[tuple[str, str], list[str]] = {}
    for definition in Metrics().registry.definitions:
        for label in definition.labels:
            texts.setdefault((label.name, _values(label)), []).append(definition.name)
    rows = [(f"`{name}`", values, codes(names)) for (name, values), names in texts.items()]
    return table(("label", "values", "of"), rows)


def series_bound() -> str:
    """How many time series a worker has at most."""
    settings = Settings.model_construct()
    most = Metrics().series_bound(settings)
    return (
        f"A worker shows at most **{most:,} time series** with {settings.user_partitions} user and "
        f"{settings.item_partitions} item partitions.\nThe process figures of the Python client, fewer than ten, are "
        "not counted in.\nEach further partition of a topic adds two series; users, items, queries, unknown topics and "
        "malformed records add none.\n"
    )


def _values(label: Label[Any]) -> str:
    if label is PARTITION:
        return "its number"
    if label.name in ("version", "namespace"):
        return "of this worker"
    return codes(label.text(value) for value in label.values)
