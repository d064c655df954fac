"""The picture of stages and topics, in Mermaid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from streams.topology import ALL, DEAD_LETTERS, STAGES, Table, Topic

_PRODUCERS, _READERS, _REFUSED = "producers", "readers", "refused"


def picture() -> str:
    """Producers, stages with their tables, and readers; an arrow bears its topics and their key."""
    lines = ["flowchart LR", *map(_indented, _nodes()), *map(_indented, _edges())]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def _nodes() -> Iterator[str]:
    yield f"{_PRODUCERS}([your producers])"
    yield "subgraph worker [a worker runs all stages, or some]"
    for stage in STAGES:
        yield _indented(f'{stage.name}["{stage.name.upper()}<br/>{stage.does}"]')
        if stage.table is not None:
            yield _indented(f'{_table(stage.table)}[("{stage.table.keeps}")]')
    yield "end"
    yield f"{_READERS}([your readers])"
    yield f"{_REFUSED}([refused records])"


def _edges() -> Iterator[str]:
    arrows: defaultdict[tuple[str, str], list[Topic]] = defaultdict(list)
    for topic in ALL:
        for source in _sources(topic):
            for target in _targets(topic):
                arrows[source, target].append(topic)
    for (source, target), topics in arrows.items():
        yield f"{source} -->|{_label(topics)}| {target}"
    for stage in STAGES:
        if stage.table is not None:
            yield f"{stage.name} <-->|{_label([stage.table.changelog])}| {_table(stage.table)}"
        for held in stage.holds:
            yield f"{_table(_kept_in(held))} -.->|in memory| {stage.name}"


def _sources(topic: Topic) -> list[str]:
    return [_PRODUCERS] if topic.kind is not None else [stage.name for stage in STAGES if topic in stage.writes]


def _targets(topic: Topic) -> list[str]:
    if topic is DEAD_LETTERS:
        return [_REFUSED]
    return [stage.name for stage in STAGES if topic in stage.reads] or [_READERS]


def _kept_in(changelog: Topic) -> Table:
    return next(stage.table for stage in STAGES if stage.table is not None and stage.table.changelog is changelog)


def _table(table: Table) -> str:
    return f"{table.name}_table"


def _label(topics: list[Topic]) -> str:
    names = "<br/>".join(topic.suffix for topic in topics)
    return f'"{names}<br/>by {topics[0].keyed_by}"'


def _indented(line: str) -> str:
    return f"    {line}"
