"""The class path of the private Apache Kafka: from ``KAFKA_HOME``, else jars fetched once and checked.

``kafka.lock`` beside this file pins every jar by Maven coordinate and SHA-256. jgo (extra ``broker``) downloads what
the cache lacks; each jar is compared with the lock before *every* start, so a damaged or replaced file is fetched again
and never run. ``python -m headwater.local_kafka.jars`` resolves :data:`ROOTS` afresh and rewrites the lock.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from streams.errors import FetchError

KAFKA_VERSION = "4.3.1"
# No log4j-slf4j-impl: its dependency management pulls kafka-clients back to 3.9.
ROOTS = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")
_LOCK_HEADER = """\
# The jars of the private Apache Kafka: Maven coordinates and SHA-256, everything that the roots below need.
# Checked before every start. Rewritten by `python -m headwater.local_kafka.jars` after a change of its ROOTS.
"""
_CURE = (
    "Set HEADWATER_BROKERS to a Kafka that is already running, or KAFKA_HOME to an unpacked Apache Kafka "
    f"(3.9 or newer; {KAFKA_VERSION} is what is tested)."
)
Progress = Callable[[str], None]


class KafkaJarsError(FetchError):
    """Kafka's jars are neither there nor to be had; the message names the settings that help."""


@dataclass(frozen=True, slots=True)
class LockedJar:
    """One line of the lock: ``group:artifact:version sha256``."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def read_lock(text: str | None = None) -> list[LockedJar]:
    """The pinned jars, of the broker unless another lock's text is given."""
    if text is None:
        text = (files("headwater.local_kafka") / "kafka.lock").read_text()
    jars = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            coordinate, sha256 = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(LockedJar(group, artifact, version, sha256))
    return jars


def kafka_class_path(cache_dir: Path, kafka_home: Path | None, progress: Progress) -> tuple[str, str]:
    """``(class path, Kafka's version)``; fetches missing jars into ``cache_dir/kafka-<version>``.

    Raises :class:`KafkaJarsError` when ``kafka_home`` holds no Kafka or the jars cannot be fetched.
    """
    if kafka_home is not None:
        return _from_home(kafka_home)
    return locked_class_path(read_lock(), cache_dir, progress), KAFKA_VERSION


def locked_class_path(jars: list[LockedJar], cache_dir: Path, progress: Progress) -> str:
    """The class path of pinned jars; fetches what ``cache_dir/kafka-<version>`` lacks.

    Raises :class:`KafkaJarsError`.
    """
    folder = cache_dir / f"kafka-{KAFKA_VERSION}"
    missing = [jar for jar in jars if not _is_intact(folder / jar.file_name, jar)]
    if missing:
        _fetch(missing, folder, progress)
    return os.pathsep.join(str(folder / jar.file_name) for jar in jars)


def _from_home(home: Path) -> tuple[str, str]:
    libraries = home / "libs"
    cores = sorted(libraries.glob("kafka_2.*-*.jar"))
    servers = [jar for jar in cores if jar.stem.split("-", 1)[1].replace(".", "").isdigit()]
    if not servers:
        raise KafkaJarsError(f"KAFKA_HOME={home} holds no libs/kafka_2.13-<version>.jar. {_CURE}")
    return str(libraries / "*"), servers[-1].stem.split("-", 1)[1]


def _is_intact(path: Path, jar: LockedJar) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


def _fetch(missing: list[LockedJar], folder: Path, progress: Progress) -> None:
    """Download into a folder of our own, check, then move each jar to its place in one step."""
    if find_spec("jgo") is None:
        raise KafkaJarsError(
            f"The private Kafka is not in the cache yet and jgo, which fetches it, is not installed: "
            f"`pip install 'headwater[broker]'`. Or: {_CURE}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    progress(f"Fetching Apache Kafka {KAFKA_VERSION}: {len(missing)} jars, once")
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as name:
        scratch = Path(name)
        with ThreadPoolExecutor(4) as pool:
            for jar, path in zip(missing, pool.map(lambda jar: _download(jar, scratch), missing), strict=True):
                if not _is_intact(path, jar):
                    raise KafkaJarsError(
                        f"{jar.file_name} from the registry does not have the SHA-256 of "
                        f"headwater/local_kafka/kafka.lock; it was not used. {_CURE}"
                    )
                path.replace(folder / jar.file_name)
    progress(f"Apache Kafka {KAFKA_VERSION} is in {folder}")


def _download(jar: LockedJar, scratch: Path) -> Path:
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=scratch, timeout=60)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        return Path(artifact.resolve())
    except Exception as error:  # jgo raises what requests raises, and RuntimeError
        raise KafkaJarsError(
            f"Apache Kafka could not be fetched from the Maven registry ({jar.file_name}: "
            f"{type(error).__name__}). Is this machine offline? {_CURE}"
        ) from error


def write_lock(path: Path, roots: Sequence[str] = ROOTS, header: str = _LOCK_HEADER) -> int:
    """Resolve ``roots`` with everything they need and write the lock; returns the number of jars."""
    import jgo

    with tempfile.TemporaryDirectory() as name:
        environment = jgo.build("+".join(roots), cache_dir=Path(name))
        rows = sorted(_lock_rows(Path(environment.path) / "jgo.lock.toml"))
    path.write_text(header + "\n".join(rows) + "\n")
    return len(rows)


def _lock_rows(jgo_lock: Path) -> list[str]:
    import tomllib

    dependencies = tomllib.loads(jgo_lock.read_text())["dependencies"]
    return [f"{d['groupId']}:{d['artifactId']}:{d['version']} {d['sha256']}" for d in dependencies]


if __name__ == "__main__":
    target = Path(str(files("headwater.local_kafka") / "kafka.lock"))
    print(f"{write_lock(target)} jars written to {target}")
