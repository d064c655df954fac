"""Fetching: pinned, checked, atomic; errors that say what to do."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from headwater.importers import fetch
from streams.errors import FetchError

NAME = "recbole-1.2.1-py3-none-any.whl"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def make_wheel(folder: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch | None = None) -> Path:
    path = folder / NAME
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("recbole-1.2.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n")
        archive.writestr("recbole-1.2.1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        for name, text in files.items():
            archive.writestr(name, text)
    if monkeypatch is not None:
        monkeypatch.setattr(fetch, "_WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_unpacks_the_data_folder_only_and_once(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = "recbole/dataset_example/ml-100k"
    files = {f"{inside}/{name}": name for name in fetch.ML_100K_FILES}
    wheel = make_wheel(index, {**files, "recbole/evil.py": "x", f"{inside}/deep/er": "x"}, monkeypatch)
    said: list[str] = []
    folder = fetch.fetch_ml_100k(tmp_path / "cache", said.append)
    assert sorted(path.name for path in folder.iterdir()) == sorted(fetch.ML_100K_FILES)
    assert len(said) == 2
    wheel.unlink()  # no second look at the registry
    assert fetch.fetch_ml_100k(tmp_path / "cache", said.append) == folder
    assert len(said) == 2
    assert sorted(path.name for path in folder.parent.iterdir()) == ["ml-100k", "ml-100k.lock"]


def test_another_file_under_the_pinned_name_is_not_used(index: Path, tmp_path: Path) -> None:
    make_wheel(index, {})
    with pytest.raises(FetchError, match="not the pinned"):
        fetch.fetch_ml_100k(tmp_path / "cache", print)
    assert not (tmp_path / "cache" / "ml-100k").exists()


def test_offline_says_what_to_do(index: Path, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="HEADWATER_CACHE_DIR"):
        fetch.fetch_ml_100k(tmp_path / "cache", print)


def test_half_a_folder_is_fetched_again(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = "recbole/dataset_example/ml-100k"
    make_wheel(index, {f"{inside}/{name}": "whole" for name in fetch.ML_100K_FILES}, monkeypatch)
    broken = tmp_path / "cache" / "ml-100k"
    broken.mkdir(parents=True)
    (broken / fetch.ML_100K_FILES[0]).write_text("half")
    folder = fetch.fetch_ml_100k(tmp_path / "cache", print)
    assert [(folder / name).read_text() for name in fetch.ML_100K_FILES] == ["whole", "whole"]
