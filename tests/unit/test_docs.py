"""The generated parts of the documentation are current, its lines are short, and the files and names in it exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater.docs import blocks, metrics, settings, topology
from streams.metrics import Metrics
from streams.settings import Settings
from streams.topology import ALL, STAGE_NAMES, STAGES

ROOT = blocks.ROOT
DOCUMENTS = [*blocks.documents(), *sorted(ROOT.glob("benchmarks/**/*.md"))]
COLUMNS = 120


def test_generated_parts_are_current() -> None:
    assert blocks.outdated() == [], "run: python -m headwater.docs"


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("README.md", {"topics", "settings-short", "layout"}),
        ("docs/architecture.md", {"flow", "stages"}),
        ("docs/settings.md", {"settings"}),
        ("docs/metrics.md", {"metrics", "labels", "series"}),
    ],
)
def test_the_tables_are_where_readers_look_for_them(file: str, names: set[str]) -> None:
    assert names <= {block[1] for block in blocks.BLOCK.findall((ROOT / file).read_text("utf-8"))}


def test_every_topic_setting_and_metric_has_a_row() -> None:
    for topic in ALL:
        assert f"`{topic.suffix}`" in topology.topics_table()
    for stage in STAGES:
        assert f"| `{stage.name}` |" in topology.stages_table()
    for name, field in Settings.model_fields.items():
        assert name.upper() in settings.whole_table()
        assert field.description, f"{name} needs a description"
    for definition in Metrics().registry.definitions:
        assert f"`{definition.name}`" in metrics.metrics_table()


def test_the_settings_that_matter_are_few() -> None:
    rows = settings.short_table().splitlines()[2:]
    assert len(rows) <= 16 and rows == [row for row in settings.whole_table().splitlines() if row in rows]


def test_tables_have_as_many_cells_as_columns() -> None:
    for table in (
        topology.topics_table(),
        topology.stages_table(),
        settings.whole_table(),
        metrics.metrics_table(),
        metrics.labels_table(),
    ):
        counts = {len(re.split(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(counts) == 1


def test_folders_are_the_defaults_of_a_plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "HEADWATER_STATE_DIR", "HEADWATER_CACHE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    found = Settings()
    for name, shown in settings.FOLDERS.items():
        assert str(getattr(found, name)) == shown.replace("~", str(Path.home()))


def test_rewriting_keeps_the_rest_and_is_stable() -> None:
    text = "before\n<!-- generated:topics -->\nold\n<!-- /generated -->\nafter"
    once = blocks.rewritten(text)
    assert once.startswith("before\n<!-- generated:topics -->\n\n| topic")
    assert once.endswith("<!-- /generated -->\nafter") and "old" not in once
    assert blocks.rewritten(once) == once


def test_an_unknown_table_is_an_error() -> None:
    with pytest.raises(KeyError):
        blocks.rewritten("<!-- generated:nothing -->\n<!-- /generated -->")


def long_lines(text: str) -> list[str]:
    """Lines of prose that are too long. Exempt: generated table rows, code, and a link or file name on its own."""
    generated = "".join(block[2] for block in blocks.BLOCK.findall(text)).splitlines()
    rows = {line for line in generated if line.startswith("|")}
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [line for line in prose.splitlines() if len(line) > COLUMNS and line not in rows and " " in line.strip(" -")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_are_short(path: Path) -> None:
    assert long_lines(path.read_text("utf-8")) == []


def test_what_counts_as_a_long_line() -> None:
    word, row = "w" * 100, f"| {'w ' * 70}|"
    assert long_lines(f"- {word} {word}\n{row}\n") == [f"- {word} {word}", row]
    assert long_lines(f"{word}\n- {word}{word}\n```\n{row}\n```\n") == []
    assert long_lines(f"<!-- generated:topics -->\n{row}\n<!-- /generated -->\n") == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_settings_and_metrics_that_are_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    benchmarks = "".join(file.read_text("utf-8") for file in ROOT.glob("benchmarks/**/*.py"))
    for name in re.findall(r"HEADWATER_([A-Z_]+[A-Z])", text):
        exists = name.lower() in Settings.model_fields or f'"HEADWATER_{name}"' in benchmarks
        assert exists, f"{path.name} names HEADWATER_{name}"
    known = {definition.name for definition in Metrics().registry.definitions}
    for name in re.findall(r"\bheadwater_[a-z_]+(?![a-z_]|\.py)", text):
        assert re.sub(r"_(bucket|sum|count)$", "", name) in known or name in known, f"{path.name} names {name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(path: Path) -> None:
    for name in re.findall(
        r"`((?:schemas|operators|streams|headwater|benchmarks|deploy|docs|tests)/[\w./-]+)`", path.read_text("utf-8")
    ):
        assert (ROOT / name).exists(), f"{path.name} names {name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_topics_and_stages_that_are_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    known = {topic.suffix for topic in ALL}
    for name in re.findall(r"(?<![\w/.-])(?:headwater\.)?([a-z]+(?:[.-][a-z]+)*\.v\d+)\b", text):
        assert name in known, f"{path.name} names the topic {name}"
    for names in re.findall(r"--stages ([a-z,]+)", text):
        assert set(names.split(",")) <= set(STAGE_NAMES), f"{path.name} names the stages {names}"


def test_every_named_test_exists() -> None:
    text = (ROOT / "docs" / "failure-scenarios.md").read_text("utf-8")
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", text)
    assert len(named) > 30
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text("utf-8"), f"{file}::{test}"
