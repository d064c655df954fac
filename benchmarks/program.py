"""A measured program in its own process, and what /proc says about it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from benchmarks.errors import BenchmarkError
from headwater.local_kafka.guarded_process import GuardedProcess

STOP_SECONDS = 15.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Measurable(Protocol):
    """What is asked of a program, or of several that do one job."""

    def cpu_seconds(self) -> float: ...
    def memory_mib(self) -> float: ...
    def check(self) -> None: ...
    def tail(self) -> str: ...


class Program:
    """A measured program in its own process; its children count with it."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        self._process = GuardedProcess(command, log=self.log, folder=folder, environment=environment)

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu_seconds(self) -> float:
        """User and system time of the process, all its threads, and its children."""
        return cpu_seconds(self.pid)

    def memory_mib(self) -> float:
        """Resident memory of the process and its children."""
        return sum(_resident_mib(pid) for pid in _family(self.pid))

    def check(self) -> None:
        """Raises :class:`BenchmarkError` when it has ended."""
        if not self._process.running:
            raise BenchmarkError(f"the program ended with {self._process.status}; its last lines:\n{self.tail()}")

    def stop(self) -> None:
        """End it, and say so when it had to be killed."""
        self._process.stop(STOP_SECONDS)

    def tail(self) -> str:
        """Its last words."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class Programs:
    """Several that do one job."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = programs

    def cpu_seconds(self) -> float:
        return sum(program.cpu_seconds() for program in self.programs)

    def memory_mib(self) -> float:
        return sum(program.memory_mib() for program in self.programs)

    def check(self) -> None:
        for program in self.programs:
            program.check()

    def tail(self) -> str:
        return "\n".join(program.tail() for program in self.programs)


@contextmanager
def running(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Program]:
    """A program for the length of a ``with`` block."""
    program = Program(command, folder, environment)
    try:
        yield program
    finally:
        program.stop()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads, and its children."""
    return sum(_own_cpu_seconds(member) for member in _family(pid))


def file_handles(pid: int) -> int:
    """Open file handles of a process and its children."""
    return sum(len(list(Path(f"/proc/{member}/fd").iterdir())) for member in _family(pid))


def threads(pid: int) -> int:
    """Threads of a process and its children."""
    return sum(int(fields[17]) for member in _family(pid) if (fields := _stat(member)))


def _family(pid: int) -> list[int]:
    """The process and its living descendants."""
    parents = {child: int(fields[1]) for child, fields in _all_stats()}
    family = [pid]
    for member in family:
        family.extend(child for child, parent in parents.items() if parent == member)
    return family


def _all_stats() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = _stat(int(folder.name))
            if fields:
                yield int(folder.name), fields


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on (proc(5), field 3); empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rindex(")") + 2 :].split()


def _own_cpu_seconds(pid: int) -> float:
    """utime, stime, cutime and cstime: own threads, and children that have ended."""
    return sum(map(int, _stat(pid)[11:15])) / _TICKS


def _resident_mib(pid: int) -> float:
    fields = _stat(pid)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20) if fields else 0.0
