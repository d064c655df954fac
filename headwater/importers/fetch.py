"""Fetches MovieLens-100k from the package registry into the cache folder, once, checked by hash.

The data set is in the recbole wheel. Its terms (GroupLens: research use, no redistribution) are why it is fetched by
whoever runs the demo and never committed. Nothing of the wheel is installed or run: its data folder is unpacked.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from streams.errors import FetchError

Progress = Callable[[str], None]
ML_100K = "ml-100k"
ML_100K_FILES = ("ml-100k.inter", "ml-100k.item")
_WHEEL = "recbole==1.2.1"
_WHEEL_SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
_FOLDER = "recbole/dataset_example/ml-100k"
_OFFLINE = (
    "Is this machine offline, or is pip's index not reachable? On a machine that is online run "
    "`headwater fetch ml-100k` and copy its cache folder here (HEADWATER_CACHE_DIR names it)."
)


def fetch_ml_100k(cache_dir: Path, progress: Progress) -> Path:
    """Folder with :data:`ML_100K_FILES`, fetched (2 MB) when the cache lacks it; safe to call from several processes.

    Raises :class:`~streams.errors.FetchError`.
    """
    folder = cache_dir / ML_100K
    if _is_complete(folder):
        return folder
    with locked(cache_dir / f"{ML_100K}.lock"):
        if _is_complete(folder):
            return folder
        progress(f"Fetching MovieLens-100k ({_WHEEL}, 2 MB) from the package registry, once")
        with tempfile.TemporaryDirectory(prefix=f"{ML_100K}-", dir=cache_dir) as name:
            wheel = download_wheel(_WHEEL, _WHEEL_SHA256, Path(name))
            unpacked = _unpack(wheel, _FOLDER, Path(name) / ML_100K)
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.rename(folder)
        progress(f"MovieLens-100k is in {folder}")
    return folder


def download_wheel(requirement: str, sha256: str, folder: Path) -> Path:
    """The wheel of a pinned requirement, without its dependencies; raises :class:`FetchError` unless the hash fits."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--quiet")
    command = [*pip, "--only-binary", ":all:", "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if "No module named pip" in done.stderr:
        raise FetchError(f"{sys.executable} has no pip to fetch {requirement} with: run `python -m ensurepip`.")
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        raise FetchError(f"{requirement} could not be fetched (pip: {said[0]}). {_OFFLINE}")
    with wheels[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise FetchError(
            f"{wheels[0].name} has SHA-256 {found}, not the pinned {sha256}: it was not used. "
            "Is pip set to an index that serves another file under this name?"
        )
    return wheels[0]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock ends with its process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ML_100K_FILES)


def _unpack(wheel: Path, inside: str, target: Path) -> Path:
    """The files directly under ``inside`` of a wheel, by their bare names."""
    target.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = PurePosixPath(entry.filename)
            if str(path.parent) == inside and not entry.is_dir():
                (target / path.name).write_bytes(archive.read(entry))
    if not _is_complete(target):
        raise FetchError(f"{wheel.name} does not hold {', '.join(ML_100K_FILES)} in {inside}.")
    return target
