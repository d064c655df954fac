"""Where numba keeps compiled kernels: a folder for each state of the kernels' sources.

Numba compiles a kernel again when its own file has changed, but not when another file has whose kernels it calls: after
an update it would go on running old machine code. The same goes for the named tuples that kernels get, whose fields are
places in machine code. A folder by the sources' hash leaves nothing old to run.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from numba.core import config

_MARKS = b"njit", b"NamedTuple", b"namedtuple"
"""In files with kernels, and in those with structures that kernels read by place."""


def cache_folder(base: Path, package: Path) -> Path:
    """Folder below `base` for the kernels in the source files of `package`."""
    digest = blake2b(digest_size=8)
    for path in sorted(package.rglob("*.py")):
        source = path.read_bytes()
        if any(mark in source for mark in _MARKS):
            digest.update(source)
    return base / f"kernels-{digest.hexdigest()}"


def use_cache_folder() -> None:
    """Have numba use it, below ``NUMBA_CACHE_DIR`` or else the user's cache folder."""
    base = os.environ.get("NUMBA_CACHE_DIR")
    user = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "headwater"
    config.CACHE_DIR = str(cache_folder(Path(base) if base else user, Path(__file__).parents[1]))
