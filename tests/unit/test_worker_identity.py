"""The name that a worker has from its state folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from streams.settings import Settings
from streams.worker.identity import FILE, identity


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(namespace="shop", state_dir=tmp_path, worker_id=None)
    made.namespace_dir.mkdir(parents=True)
    return made


def test_the_name_stays_with_its_folder(settings: Settings) -> None:
    name = identity(settings)
    assert len(name) == 32 and identity(settings) == name
    assert identity(settings.model_copy(update={"worker_id": "mine"})) == "mine"


def test_a_moved_or_copied_folder_has_another_name(settings: Settings, tmp_path: Path) -> None:
    name = identity(settings)
    shutil.copytree(tmp_path / settings.namespace, tmp_path / "copy")
    copied = identity(settings.model_copy(update={"namespace": "copy"}))
    assert copied != name
    shutil.move(tmp_path / settings.namespace, tmp_path / "away")
    shutil.copytree(tmp_path / "away", tmp_path / settings.namespace)
    assert identity(settings) not in (name, copied), "restored from a backup while the original may run elsewhere"


@pytest.mark.parametrize("content", [b"", b"\n", b"only-a-name", b"\xff\xfe", b"a\nb\nc"])
def test_a_file_that_makes_no_sense_is_replaced(settings: Settings, content: bytes) -> None:
    (settings.namespace_dir / FILE).write_bytes(content)
    name = identity(settings)
    assert len(name) == 32 and identity(settings) == name
