"""A private Apache Kafka on loopback, owned by one context manager: for the demo, tests and benchmarks.

One node (broker and controller) with free ports and a temporary folder of its own. It runs in its own session, so that
Ctrl-C in a terminal does not take it away before the workers have written their last checkpoint, and under
:mod:`headwater.local_kafka.guarded_process`, so that it never outlives its owner. The log is kept when it fails.

    with LocalKafka(settings.cache_dir) as kafka:
        Producer({"bootstrap.servers": kafka.bootstrap})
"""

from __future__ import annotations

import base64
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from headwater.local_kafka.guarded_process import GuardedProcess
from headwater.local_kafka.jars import kafka_class_path
from headwater.local_kafka.java import Java, find_java
from headwater.local_kafka.server import HOST, LocalKafkaError, free_ports, logging_options, server_properties
from streams.broker.brokers import Brokers
from streams.settings import Settings

_START_ATTEMPTS = 3
_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 20.0
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.showDateTime=true")
_FORMAT_JVM = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class LocalKafka:
    """Owns one private broker and its data.

    ``cache_dir`` keeps the fetched jars, ``kafka_home`` is an unpacked Apache Kafka to run instead, ``properties``
    overrides server properties, ``listeners`` adds listeners (name -> security protocol) to the plain one. Entering
    starts it; leaving stops it and removes its data.
    Raises :class:`~headwater.local_kafka.java.JavaNotFoundError`,
    :class:`~headwater.local_kafka.jars.KafkaJarsError` or
    :class:`~headwater.local_kafka.server.LocalKafkaError`, each saying what to do.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        kafka_home: Path | None = None,
        properties: Mapping[str, str] | None = None,
        listeners: Mapping[str, str] | None = None,
        progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._cache_dir = cache_dir
        self._kafka_home = kafka_home
        self._overrides = dict(properties or {})
        self._listeners = dict(listeners or {})
        self._ports: dict[str, int] = {}
        self._progress = progress
        self._folder: Path | None = None
        self._process: GuardedProcess | None = None
        self._java: Java | None = None
        self._class_path = ""
        self._kafka_port = self._controller_port = 0
        self.version = ""

    @classmethod
    def from_settings(cls, settings: Settings, progress: Callable[[str], None] = lambda line: None) -> Self:
        """The private broker that these settings describe (``KAFKA_HOME``, ``HEADWATER_CACHE_DIR``)."""
        return cls(settings.cache_dir, kafka_home=settings.kafka_home, progress=progress)

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; the same after :meth:`stop` and :meth:`start`."""
        return f"{HOST}:{self._kafka_port}"

    @property
    def brokers(self) -> Brokers:
        """The same for Headwater's own clients."""
        return Brokers(self.bootstrap)

    def address(self, listener: str) -> str:
        """``host:port`` of one of ``listeners``."""
        return f"{HOST}:{self._ports[listener]}"

    @property
    def log_dir(self) -> Path:
        """Kafka's data folder (``log.dirs``)."""
        return self._own_folder / "data"

    @property
    def log_path(self) -> Path:
        """What the broker writes about itself."""
        return self._own_folder / "kafka.log"

    @property
    def _properties_path(self) -> Path:
        return self._own_folder / "server.properties"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """Process id of the broker, 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start on this broker's data and wait until it answers; does nothing while it runs."""
        if self.running:
            return
        if self._folder is not None:
            self._launch()
            return
        self._java = find_java()
        self._class_path, self.version = kafka_class_path(self._cache_dir, self._kafka_home, self._progress)
        for attempt in range(1, _START_ATTEMPTS + 1):
            try:
                self._create_folder()
                self._launch()
                return
            except BaseException as error:  # also Ctrl-C leaves nothing behind
                taken = isinstance(error, LocalKafkaError) and "Address already in use" in self._read_log()
                self._discard()
                if not taken or attempt == _START_ATTEMPTS:
                    raise

    def stop(self, timeout: float = _STOP_TIMEOUT) -> None:
        """SIGTERM, after ``timeout`` seconds SIGKILL; the data stays for :meth:`start`."""
        if self._process is not None:
            self._process.stop(timeout)
            self._process = None

    def kill(self) -> None:
        """SIGKILL: a crash; the data stays for :meth:`start`."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def pause(self) -> None:
        """SIGSTOP: the broker hangs, its connections stay open."""
        if self._process is not None:
            self._process.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after :meth:`pause`."""
        if self._process is not None:
            self._process.signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop and remove the data; keeps the log, and says where, of a broker that had died by itself."""
        if self._process is not None and not self.running:
            self._progress(f"The private Kafka had died; its log is {self._keep_log()}")
        self.stop()
        self._discard()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _own_folder(self) -> Path:
        if self._folder is None:
            raise LocalKafkaError("The private Kafka has not been started")
        return self._folder

    def _create_folder(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="headwater-kafka-"))
        self._kafka_port, self._controller_port, *others = free_ports(2 + len(self._listeners))
        self._ports = dict(zip(self._listeners, others, strict=True))
        more = {name: (self._listeners[name], port) for name, port in self._ports.items()}
        properties = server_properties(self._kafka_port, self._controller_port, self.log_dir, more) | self._overrides
        self._properties_path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        self._format()

    def _format(self) -> None:
        """Give the empty data folder its cluster id, as a quorum of this one node."""
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        arguments = ("format", "--standalone", "-t", cluster, "-c", str(self._properties_path))
        command = self._command(_FORMAT_JVM, "kafka.tools.StorageTool", *arguments)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.log_path.write_bytes(done.stdout)
        if done.returncode != 0:
            raise self._failure("could not format its data folder")

    def _command(self, options: tuple[str, ...], main_class: str, *arguments: str) -> list[str]:
        if self._java is None:
            raise LocalKafkaError("The private Kafka has not been started")
        logging: list[str] = []
        if self._kafka_home is not None:
            logging = logging_options(self._kafka_home, self._own_folder)
        return [str(self._java.path), *options, *logging, "-cp", self._class_path, main_class, *arguments]

    def _launch(self) -> None:
        command = self._command(_JVM, "kafka.Kafka", str(self._properties_path))
        self._process = GuardedProcess(command, log=self.log_path, folder=self._own_folder)
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            if not self.running:
                raise self._failure("ended while it was starting")
            if time.monotonic() > deadline:
                self.kill()
                raise self._failure(f"did not answer within {_START_TIMEOUT:.0f} s")
            time.sleep(0.02)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((HOST, self._kafka_port)) != 0:
                return False
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            return bool(client.list_topics(timeout=2.0).brokers)
        except KafkaException:
            return False

    def _failure(self, what: str) -> LocalKafkaError:
        tail = " | ".join(self._read_log().strip().splitlines()[-3:])
        return LocalKafkaError(
            f"The private Kafka {what}; its log is {self._keep_log()} (last lines: {tail}). "
            f"Set HEADWATER_BROKERS to use a Kafka that is already running."
        )

    def _read_log(self) -> str:
        if self._folder is None or not self.log_path.exists():
            return ""
        return self.log_path.read_text(errors="replace")

    def _keep_log(self) -> Path:
        kept = Path(tempfile.gettempdir()) / f"{self._own_folder.name}.log"
        shutil.copyfile(self.log_path, kept)
        return kept

    def _discard(self) -> None:
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
