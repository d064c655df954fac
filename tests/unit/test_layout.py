"""Imports between boxes and rooms go one way, as the table in ``headwater.layout`` says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.layout import LAYOUT, place

ROOT = Path(__file__).parents[2]


def modules(box: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / box).rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[str]:
    """What a file imports of the boxes, wherever in the file, for types only or not."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            module = str(node.module)
            names = [f"{module}.{name}" if is_module(f"{module}.{name}") else module for name in names]
        yield from (name for name in names if name.partition(".")[0] in LAYOUT)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


@pytest.mark.parametrize("box", LAYOUT)
def test_imports_go_one_way(box: str) -> None:
    upward = [(name, other) for name, path in modules(box) for other in imports(path) if place(other) > place(name)]
    assert upward == []


@pytest.mark.parametrize("box", [box for box, (_, rooms) in LAYOUT.items() if rooms])
def test_every_room_is_in_the_picture(box: str) -> None:
    there = {path.relative_to(ROOT / box).parts[0].removesuffix(".py") for _, path in modules(box)} - {"__init__"}
    assert there == set(LAYOUT[box][1])


@pytest.mark.parametrize("box", LAYOUT)
def test_files_do_not_import_each_other_in_a_circle(box: str) -> None:
    known = dict(modules(box))
    needs = {name: {other for other in imports(path) if other in known} - {name} for name, path in known.items()}
    while leaves := {name for name, others in needs.items() if not others}:
        needs = {name: others - leaves for name, others in needs.items() if name not in leaves}
    assert needs == {}
