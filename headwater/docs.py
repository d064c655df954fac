"""Writes the generated tables of the documentation: ``python -m headwater.docs`` (``--check`` only compares).

A table stands between ``<!-- generated:NAME -->`` and ``<!-- /generated -->`` in a Markdown file; what is between them is
replaced. The sources are the classes that the program itself uses, so that there is one truth (design rule 6).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from headwater.layout import picture
from streams.metrics.definitions import Metrics
from streams.metrics.labels import PARTITION
from streams.metrics.registry import Definition, Label
from streams.settings import Settings
from streams.topology import ALL, DAY_MS, Topic

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(<!-- generated:([a-z-]+) -->\n)(.*?)(<!-- /generated -->)", re.DOTALL)
# Defaults that depend on the machine, as the usual environment gives them.
FOLDERS = {"state_dir": "~/.local/state/headwater", "cache_dir": "~/.cache/headwater"}


def topics_table() -> str:
    """The topics without their namespace."""
    rows = [
        (f"`{topic.suffix}`", topic.keyed_by, _partitions(topic), topic.cleanup, _retention(topic), topic.owner)
        for topic in ALL
    ]
    return _table(("topic", "key", "partitions", "cleanup", "kept", "written by"), rows)


def settings_table() -> str:
    """Every environment variable with its default."""
    return _table(("variable", "default", "meaning"), _settings())


def metrics_table() -> str:
    """Every metric with meaning and remedy."""
    rows = [
        (f"`{d.name}`", d.kind, d.unit, _labels(d), _escape(d.meaning), _escape(d.remedy))
        for d in Metrics().registry.definitions
    ]
    return _table(("metric", "type", "unit", "labels", "meaning", "when it is off"), rows)


def labels_table() -> str:
    """The closed sets of label values."""
    metrics = Metrics().registry.definitions
    labels = {(d.name, label.name): label for d in metrics for label in d.labels}
    texts: dict[tuple[str, str], list[str]] = {}
    for (metric, name), label in labels.items():
        texts.setdefault((name, _values(label)), []).append(f"`{metric}`")
    rows = [(f"`{name}`", values, ", ".join(names)) for (name, values), names in texts.items()]
    return _table(("label", "values", "of"), rows)


def series_bound() -> str:
    """How many time series a worker has at most."""
    settings = Settings.model_construct()
    metrics = Metrics()
    user, item = settings.user_partitions, settings.item_partitions
    most = metrics.series_bound(user, item)
    return (
        f"A worker shows at most **{most:,} time series** with {user} user and {item} item partitions. The process figures\n"
        "of the Python client, fewer than ten, are not counted in. Each further partition of a topic adds two series; users,\n"
        "items, queries, unknown topics and malformed records add none.\n"
    )


GENERATED: dict[str, Callable[[], str]] = {
    "topics": topics_table,
    "settings": settings_table,
    "metrics": metrics_table,
    "labels": labels_table,
    "series": series_bound,
    "layout": picture,
}


def documents(root: Path = ROOT) -> Iterator[Path]:
    """Files that may hold generated parts."""
    return (path for path in chain(sorted(root.glob("*.md")), sorted(root.glob("docs/**/*.md"))))


def rewritten(text: str) -> str:
    """``text`` with every generated part made anew; raises ``KeyError`` on a name that is not known."""
    return BLOCK.sub(lambda block: f"{block[1]}\n{GENERATED[block[2]]()}\n{block[4]}", text)


def outdated(root: Path = ROOT) -> list[Path]:
    """Documents whose generated parts are not what the code says."""
    return [path for path in documents(root) if rewritten(text := path.read_text("utf-8")) != text]


def main(arguments: list[str]) -> int:
    """Rewrite what is outdated; with ``--check`` only name it and return 1."""
    check = "--check" in arguments
    stale = outdated()
    for path in stale:
        print(f"{'outdated' if check else 'rewritten'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(rewritten(path.read_text("utf-8")), "utf-8")
    if check and stale:
        print("run: python -m headwater.docs")
    return int(check and bool(stale))


def _settings() -> Iterator[tuple[str, str, str]]:
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"HEADWATER_{name.upper()}"
        yield f"`{variable}`", _default(name, field.default), _escape(field.description or "")


def _default(name: str, value: Any) -> str:
    if value is PydanticUndefined:
        return f"`{FOLDERS[name]}`"
    return "" if value is None else f"`{value}`"


def _partitions(topic: Topic) -> str:
    names = {"user": "`HEADWATER_USER_PARTITIONS`", "item": "`HEADWATER_ITEM_PARTITIONS`"}
    return names.get(topic.keyed_by, "1")


def _retention(topic: Topic) -> str:
    kept = topic.config.get("retention.ms")
    if kept is None:
        return "the last of each key" if topic.cleanup == "compact" else "as the broker says"
    days = int(kept) // DAY_MS
    return f"{days} day{'s' if days != 1 else ''}"


def _labels(definition: Definition) -> str:
    return ", ".join(f"`{label.name}`" for label in definition.labels)


def _values(label: Label[Any]) -> str:
    if label is PARTITION:
        return "its number"
    if label.name in ("version", "namespace"):
        return "of this worker"
    return ", ".join(f"`{label.text(value)}`" for value in label.values)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
