"""Where Quix Streams and Bytewax lie: in a folder of their own, because Quix Streams wants an older confluent-kafka.

``python -m benchmarks.peers.packages`` installs the dependency group ``bench-peers`` of ``pyproject.toml`` there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from headwater.cli.terminal import load_settings

PACKAGES = ("quixstreams", "bytewax")
HOW = "`python -m benchmarks.peers.packages` installs it"
_PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def folder() -> Path:
    """``HEADWATER_BENCH_PEERS``, else ``bench-peers`` in the cache."""
    named = os.environ.get("HEADWATER_BENCH_PEERS")
    return Path(named) if named else load_settings().cache_dir / "bench-peers"


def missing(package: str) -> str | None:
    """Why a peer on this package cannot run; None: it can."""
    return None if (folder() / package).is_dir() else f"{package} is not installed: {HOW}"


def python(module: str, *arguments: str) -> list[str]:
    """A command that sees the packages before those of this environment."""
    return ["/usr/bin/env", f"PYTHONPATH={folder()}", sys.executable, "-m", module, *arguments]


def install() -> int:
    """pip's exit status; does nothing when all is there."""
    if not any(map(missing, PACKAGES)):
        return 0
    wanted = tomllib.loads(_PROJECT.read_text())["dependency-groups"]["bench-peers"]
    target = folder()
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-warn-conflicts",
        "--upgrade",
        "--target",
        str(target),
        *wanted,
    ]
    print(f"Installing {', '.join(wanted)} into {target}")
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(install())
