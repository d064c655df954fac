"""Compiled kernels never outlive the sources that they were made from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from operators.kernels.cache import cache_folder

CALLEE = "from numba import njit\n\n@njit(cache=True)\ndef one():\n    return {}\n"
CALLER = (
    "from kernel_cache import cache_folder\nfrom pathlib import Path\nfrom numba.core import config\n"
    "config.CACHE_DIR = str(cache_folder(Path('cache'), Path('.')))\n"
    "from numba import njit\nfrom callee import one\n\n@njit(cache=True)\ndef two():\n    return 2 * one()\n\n"
    "print(two())\n"
)


def test_a_kernel_called_from_another_file_is_compiled_anew(tmp_path: Path) -> None:
    source = Path(cache_folder.__code__.co_filename).read_text("utf-8")
    (tmp_path / "kernel_cache.py").write_text(source, "utf-8")
    (tmp_path / "caller.py").write_text(CALLER, "utf-8")
    for value in (1, 3, 1):
        (tmp_path / "callee.py").write_text(CALLEE.format(value), "utf-8")
        done = subprocess.run(
            [sys.executable, "caller.py"], cwd=tmp_path, capture_output=True, text=True, env=os.environ, check=True
        )
        assert done.stdout.strip() == str(2 * value)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_files_without_kernels_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text("@njit\n")
    before = cache_folder(tmp_path, tmp_path)
    (tmp_path / "plain.py").write_text("x = 1\n")
    assert cache_folder(tmp_path, tmp_path) == before
    (tmp_path / "other.py").write_text("@njit(cache=True)\n")
    after = cache_folder(tmp_path, tmp_path)
    assert after != before
    (tmp_path / "rows.py").write_text("class Rows(NamedTuple):\n    a: int\n    b: int\n")
    assert cache_folder(tmp_path, tmp_path) != after, "fields are places in machine code"
