"""No topic and no stage is named a second time: the code says which one it means by its declaration."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.topology import ALL, STAGES

ROOT = Path(__file__).parents[2]
FILES = sorted(path for box in ("schemas", "operators", "streams", "headwater") for path in (ROOT / box).rglob("*.py"))
DECLARED = {
    "streams/topology.py": "declares stages and topics",
    "schemas/kinds.py": "names the topics of other programs, which replay files and JSON Schemas bear as well",
}
"""Files that name topics and stages, and why."""
OTHER_MEANING = {
    ("streams/metrics/definitions.py", "items"): "a unit of metrics",
    ("operators/evaluation/prequential.py", "items"): "a figure of the evaluation",
    ("operators/state/item_codec.py", "catalog"): "a field of stored rows",
    ("headwater/cli/demo.py", "items"): "a field of a recommendation",
    ("schemas/foreign_formats.py", "items"): "a field of other systems' records",
    ("headwater/cli/rendering.py", "items"): "a field of a recommendation",
    ("headwater/demo/claims.py", "items"): "a field of a recommendation",
    ("headwater/demo/verdict.py", "items"): "a field of a recommendation",
    ("headwater/demo/wording.py", "items"): "a field of a recommendation",
}
"""Texts that are the name of a stage by chance."""

SUFFIXES = "|".join(re.escape(topic.suffix) for topic in ALL)
UNVERSIONED = "|".join(re.escape(stem) for topic in ALL if not (stem := topic.suffix.removesuffix(".v1")).isalpha())
TOPIC = re.compile(rf"(?<![\w-])({SUFFIXES}|{UNVERSIONED})(?![\w-])|^events\.|^\.v\d")
"""A topic with its version, or without where it is no plain word; or a piece that one could be made with."""
NAMES = "|".join(stage.name for stage in STAGES)
STAGE = re.compile(rf"--stages ({NAMES})\b|^({NAMES})(, ?({NAMES}))*$")
"""Names of stages and nothing else, or in an option; a profile or a narrator may be in a sentence."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """The string constants of a file with their lines, docstrings apart."""
    tree = ast.parse(path.read_text("utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_stand_in_the_declarations_alone(path: Path) -> None:
    file = str(path.relative_to(ROOT))
    if file in DECLARED:
        return
    named = [(line, text) for line, text in texts(path) if TOPIC.search(text) or STAGE.search(text)]
    assert [(line, text) for line, text in named if (file, text) not in OTHER_MEANING] == []


def test_every_exception_is_needed() -> None:
    for file, text in OTHER_MEANING:
        assert text in {found for _, found in texts(ROOT / file)}, f"{file} has no {text!r} any more"


@pytest.mark.parametrize(
    "text",
    [
        "drafts.v1",
        "shop.drafts.v1",
        "events.click.v1 is",
        "item-updates message",
        "events.",
        "--stages narrator",
        "items",
        "profiles,items",
    ],
)
def test_a_name_is_found(text: str) -> None:
    assert TOPIC.search(text) or STAGE.search(text)
