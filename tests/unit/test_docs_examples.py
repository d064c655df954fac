"""What the pages for people show is what the program takes and writes."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from headwater.cli.main import app
from headwater.docs.blocks import ROOT
from schemas.kinds import Kind
from schemas.recommendation import Latency, Reason, Recommendation, RecommendedItem, Trigger, decode

RECORD, REPLAY = (ROOT / "docs" / name for name in ("record.md", "replay.md"))


def code(page: Path, language: str) -> str:
    """The first block of that language."""
    found = re.search(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def validate(file: Path) -> tuple[int, list[str]]:
    result = CliRunner().invoke(app, ["validate", str(file)])
    return result.exit_code, result.stdout.splitlines()


def names(example: Any) -> set[str]:
    """Keys of an object and of all in it."""
    if isinstance(example, list):
        return set().union(*map(names, example))
    return set(example).union(*map(names, example.values())) if isinstance(example, dict) else set()


def test_the_record_that_is_shown_is_one_and_has_every_field() -> None:
    example = code(RECORD, "json")
    record = decode(example.encode())
    assert record.items[0].title and record.items[0].reason.anchor_item_id
    fields = {
        field.name
        for each in (Recommendation, RecommendedItem, Reason, Trigger, Latency)
        for field in msgspec.structs.fields(each)
    }
    assert fields - names(json.loads(example)) == {"query"}


@pytest.mark.parametrize("each", [Recommendation, RecommendedItem, Reason])
def test_every_field_of_the_record_is_explained(each: type[msgspec.Struct]) -> None:
    text = RECORD.read_text("utf-8").partition("## The record as a whole")[2]
    assert [field.name for field in msgspec.structs.fields(each) if f"`{field.name}`" not in text] == []


def test_the_lines_that_are_shown_are_accepted(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text(code(REPLAY, "json"))
    status, out = validate(file)
    assert (status, out[-1]) == (0, "0 problems")
    assert {f"`{kind.topic}`" in REPLAY.read_text("utf-8") for kind in Kind} == {True}


def test_the_importer_that_is_shown_makes_a_replay_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("orders.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["order_id", "customer", "sku", "pieces", "bought_at"])
        rows.writerow(["2", "bob", "pot", "2", "2026-03-02T10:00:00+01:00"])
        rows.writerow(["1", "ann", "té", "1", "2026-03-01T10:00:00Z"])
    exec(code(REPLAY, "python"), {})
    assert validate(tmp_path / "orders.jsonl.gz") == (0, ["events.purchase.v1: 2 records", "0 problems"])
