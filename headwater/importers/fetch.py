"""Fetches MovieLens-100k from the package registry into the cache folder, once, checked by hash.

The data set is in the recbole wheel. Its terms (GroupLens: research use, no redistribution) are why it is fetched by
whoever runs the demo and never committed. Nothing of the wheel is installed or run: its data folder is unpacked.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from headwater.wheels import download_wheel, locked
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
            wheel = download_wheel(_WHEEL, _WHEEL_SHA256, Path(name), _OFFLINE)
            unpacked = _unpack(wheel, _FOLDER, Path(name) / ML_100K)
            shutil.rmtree(folder, ignore_errors=True)
            unpacked.rename(folder)
        progress(f"MovieLens-100k is in {folder}")
    return folder


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
