"""Where generated parts stand in the documentation, and what makes them.

A part stands between ``<!-- generated:NAME -->`` and ``<!-- /generated -->`` in a Markdown file; what is between them
is replaced. The sources are the declarations that the program itself uses, so that there is one truth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from headwater.docs import catalogue, flow, metrics, settings, topology
from headwater.layout import picture

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"(<!-- generated:([a-z-]+) -->\n)(.*?)(<!-- /generated -->)", re.DOTALL)

GENERATED: dict[str, Callable[[], str]] = {
    "topics": topology.topics_table,
    "stages": topology.stages_table,
    "flow": flow.picture,
    "settings": settings.whole_table,
    "settings-short": settings.short_table,
    "metrics": metrics.metrics_table,
    "labels": metrics.labels_table,
    "series": metrics.series_bound,
    "spellings": catalogue.spellings_table,
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
