"""A package with an ``__all__`` exports what others import from it: no more, no less, and for rooms no way past it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from inspect import ismodule
from pathlib import Path

import pytest

from headwater.layout import LAYOUT

ROOT = Path(__file__).parents[2]
FILES = {path: path.read_text("utf-8") for box in (*LAYOUT, "benchmarks") for path in (ROOT / box).rglob("*.py")}
FACES = [
    ".".join(path.relative_to(ROOT).parent.parts) for path, text in FILES.items()
    if path.name == "__init__.py" and "__all__" in text
]  # fmt: skip


def imported_by_others(package: str) -> Iterator[tuple[str, str]]:
    """(module, name) of every import, by program and benchmarks, of something in the package from outside of it."""
    folder = ROOT.joinpath(*package.split("."))
    for path, text in FILES.items():
        if package in text and not path.is_relative_to(folder):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}."):
                    yield from ((str(node.module), alias.name) for alias in node.names)


def test_packages_alone_say_what_they_export() -> None:
    said = [path for path, text in FILES.items() if "\n__all__ " in text]
    assert {path.name for path in said} == {"__init__.py"} and len(said) == len(FACES)


@pytest.mark.parametrize("package", FACES)
def test_public_names_are_those_of_all(package: str) -> None:
    module = import_module(package)
    public = {name for name, value in vars(module).items() if not name.startswith("_") and not ismodule(value)}
    assert public == set(module.__all__)


@pytest.mark.parametrize("package", FACES)
def test_all_is_what_others_import(package: str) -> None:
    names = {name for module, name in imported_by_others(package) if module == package}
    assert names == set(import_module(package).__all__)


@pytest.mark.parametrize("package", [package for package in FACES if package not in LAYOUT])
def test_nobody_reaches_past_the_face_of_a_room(package: str) -> None:
    assert {module for module, _ in imported_by_others(package)} == {package}
