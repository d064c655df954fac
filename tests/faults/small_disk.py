"""A filesystem of a few megabytes for a broker of its own: a tmpfs in a mount namespace that only the broker sees.

Root or not, the namespace is this test's alone, so nothing has to be unmounted: it ends with its holder.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from headwater.local_kafka.broker import LocalKafka
from streams.settings import Settings

_HOLD = 'mount -t tmpfs -o size="$0" headwater-test "$1" && echo mounted && exec cat'


class NoSmallDiskError(RuntimeError):
    """This machine lets nobody mount, or only root; the message says what it answered."""


class SmallDisk:
    """``size`` bytes at ``path``, seen by the commands that :meth:`inside` makes."""

    def __init__(self, path: Path, size: int) -> None:
        """Raises :class:`NoSmallDiskError`."""
        self.path, self.size = path, size
        path.mkdir()
        refusals = []
        for options in (["-m"], ["-r", "-m"]):  # as root; else in a user namespace
            unshare = ["unshare", *options, "--propagation", "private", "sh", "-c", _HOLD, str(size), str(path)]
            try:
                self._holder = subprocess.Popen(
                    unshare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
                )
            except FileNotFoundError as exc:
                raise NoSmallDiskError(f"there is no unshare(1): {exc}") from exc
            assert self._holder.stdout is not None
            said = self._holder.stdout.readline().decode().strip()
            if said == "mounted":
                self._enter = ["nsenter", "-t", str(self._holder.pid), "-m"]
                if "-r" in options:
                    self._enter += ["-U", "--preserve-credentials"]
                return
            refusals.append(said)
            self.close()
        raise NoSmallDiskError("; ".join(refusals))

    def inside(self, command: list[str]) -> list[str]:
        """The command, run where the filesystem is."""
        return [*self._enter, *command]

    def fill(self, leaving: int) -> None:
        """A file takes all room but ``leaving`` bytes, or all, where others take some meanwhile."""
        place = os.statvfs(f"/proc/{self._holder.pid}/root{self.path}")
        room = place.f_bavail * place.f_frsize - leaving
        dd = ["dd", "if=/dev/zero", f"of={self.path / 'filler'}", "bs=4096", f"count={room // 4096}"]
        subprocess.run(self.inside(dd), capture_output=True, timeout=30)

    def make_room(self) -> None:
        """The file goes."""
        subprocess.run(self.inside(["rm", str(self.path / "filler")]), check=True, timeout=30)

    def close(self) -> None:
        """The end of the filesystem."""
        assert self._holder.stdin is not None and self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.wait(10)
        self._holder.stdout.close()


class SmallDiskKafka(LocalKafka):
    """A private broker whose log folder lies on a :class:`SmallDisk`."""

    def __init__(self, disk: SmallDisk, properties: Mapping[str, str]) -> None:
        settings = Settings()
        super().__init__(
            settings.cache_dir,
            kafka_home=settings.kafka_home,
            properties={"log.dirs": str(disk.path / "data"), **properties},
            progress=print,
        )
        self._disk = disk

    @classmethod
    def on(cls, disk: SmallDisk, **properties: str) -> Self:
        """Underscores in the names of ``properties`` stand for dots."""
        return cls(disk, {name.replace("_", "."): value for name, value in properties.items()})

    def _command(self, options: tuple[str, ...], main_class: str, *arguments: str) -> list[str]:
        return self._disk.inside(super()._command(options, main_class, *arguments))
