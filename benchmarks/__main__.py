"""``python -m benchmarks`` (``make bench``): seven tables, each with its targets, in under 30 minutes.

Each table is a command of its own with its own broker; the arguments here fit the time. ``--quick`` takes a few
minutes and says less; ``--table 3`` runs one.
"""

from __future__ import annotations

import argparse
import importlib.util
import runpy
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass

from benchmarks.report import INCOMPLETE, MET, NOT_MET, NOTHING

LIMIT_MINUTES = 30


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the module that prints it, and with what arguments."""

    number: int
    title: str
    module: str
    arguments: tuple[str, ...] = ()


PER_USER = ("--only", "Kafka Streams", "Quix Streams", "Bytewax", "plain Faust")
TABLES = (
    Table(1, "Per-user update", "benchmarks.per_user", PER_USER),
    Table(2, "Full learning while catching up", "benchmarks.throughput"),
    Table(3, "Event in, record out", "benchmarks.latency"),
    Table(4, "Flat cost", "benchmarks.scale"),
    Table(5, "Two workers on two cores", "benchmarks.two_workers"),
    Table(6, "Memory", "benchmarks.memory"),
    Table(7, "Restart", "benchmarks.restart"),
)
MEANINGS = {MET: "bars met", NOT_MET: "a bar is NOT met", NOTHING: "NOT measured", INCOMPLETE: "a peer is MISSING"}


def measure(table: Table, *, quick: bool) -> int:
    """Run a table's command in a process of its own; its status."""
    if importlib.util.find_spec(table.module) is None:
        print(f"there is no {table.module}")
        return NOTHING
    more = ("--quick",) if quick else ()
    command = [sys.executable, "-m", "benchmarks", "--run", table.module, *table.arguments, *more]
    return subprocess.run(command).returncode


def run_module(module: str, arguments: list[str]) -> int:
    """Run a module as a command; whatever it raises means that nothing was measured, not that a bar was missed."""
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Exception:
        traceback.print_exc()
        return NOTHING
    return MET


def main() -> int:
    """Run the tables and sum them up; 0 when every bar is met."""
    if sys.argv[1:2] == ["--run"]:
        return run_module(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--table", type=int, nargs="+", choices=[table.number for table in TABLES], metavar="N")
    chosen = parser.parse_args()
    tables = [table for table in TABLES if chosen.table is None or table.number in chosen.table]
    lines, statuses, began = [], [], time.monotonic()
    for table in tables:
        print(f"\n=== {table.number}. {table.title} ({table.module})", flush=True)
        started = time.monotonic()
        status = measure(table, quick=chosen.quick)
        statuses.append(status)
        meaning = MEANINGS.get(status, f"NOT measured (status {status})")
        lines.append(f"{table.number}. {table.title:34} {meaning:20} {time.monotonic() - started:5.0f} s")
    minutes = (time.monotonic() - began) / 60
    print("\n" + "\n".join(lines) + f"\n{minutes:.1f} minutes, at most {LIMIT_MINUTES}")
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
