"""The name under which a worker is known in its groups: a worker that was killed gets its partitions back with it.

Where no name is set, it is made up once and kept in the state folder, whose lock sees to it that no two workers of a
machine have the same one. A copied folder is another place: it gets a name of its own.
"""

from __future__ import annotations

import logging
import uuid
from pathlib import Path

from streams.errors import ConfigurationError
from streams.settings import Settings

log = logging.getLogger(__name__)
FILE = "worker-id"
MACHINE = Path("/etc/machine-id")


def identity(settings: Settings) -> str:
    """``HEADWATER_WORKER_ID``, or the name that the state folder has; call it with the folder's lock held.

    Raises :class:`ConfigurationError` where the folder cannot be written.
    """
    return settings.worker_id or _kept(settings.namespace_dir)


def _kept(folder: Path) -> str:
    place, file = _place(folder), folder / FILE
    name, _, known = _read(file).partition("\n")
    if name and known == place:
        return name
    if name:
        log.info("%s is a copy from elsewhere: this worker gets an id of its own", folder)
    name = uuid.uuid4().hex
    try:
        fresh = file.with_suffix(".new")
        fresh.write_text(f"{name}\n{place}", "utf-8")
        fresh.replace(file)
    except OSError as exc:
        raise ConfigurationError(f"{file} cannot be written ({exc.strerror}): set HEADWATER_STATE_DIR") from exc
    return name


def _read(file: Path) -> str:
    """The file's content; empty where there is none, or none that can be read."""
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _place(folder: Path) -> str:
    """Machine and folder, which a copy does not share: the number of the folder on its disk changes with any copy."""
    return f"{_read(MACHINE)} {folder.stat().st_ino} {folder.resolve()}"
