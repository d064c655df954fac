"""``python -m benchmarks.pinned CORE COMMAND...``: run a command on one core of those that this process may use."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(sys.argv[1]) % len(cores)]})
    os.execvp(sys.argv[2], sys.argv[2:])
