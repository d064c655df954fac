"""How the private broker is set up: properties, ports, logging."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping
from pathlib import Path

from streams.errors import OperatorError
from streams.topology import MAX_MESSAGE_BYTES

HOST = "127.0.0.1"
_PORTS = range(20_000, 32_000)  # below the ephemeral range: nobody is given ours while the broker is stopped
_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(MAX_MESSAGE_BYTES),
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "log.cleaner.dedupe.buffer.size": str(16 << 20),
    # After a crash the broker can only register again once its old session has ended.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


class LocalKafkaError(OperatorError):
    """The private Kafka did not start or did not answer; the message names its kept log."""


def server_properties(
    kafka_port: int, controller_port: int, log_dir: Path, more: Mapping[str, tuple[str, int]]
) -> dict[str, str]:
    """Properties of a single node: small, quick to start, topics only made by hand.

    ``more``: other listeners, name -> (security protocol, port).
    """
    controller = f"{HOST}:{controller_port}"
    plain = {"PLAINTEXT": ("PLAINTEXT", kafka_port), "CONTROLLER": ("PLAINTEXT", controller_port)}
    every = plain | dict(more)
    listeners = ",".join(f"{name}://{HOST}:{port}" for name, (_, port) in every.items())
    return _PROPERTIES | {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, (protocol, _) in every.items()),
        "controller.quorum.bootstrap.servers": controller,
        "log.dirs": str(log_dir),
    }


def logging_options(home: Path, folder: Path) -> list[str]:
    """Log4j settings of an unpacked Kafka (4.x: log4j2, 3.9: reload4j), with its log files in our folder."""
    options = [f"-Dkafka.logs.dir={folder / 'logs'}"]
    if (home / "config" / "log4j2.yaml").exists():
        options.append(f"-Dlog4j2.configurationFile={home / 'config' / 'log4j2.yaml'}")
    elif (home / "config" / "log4j.properties").exists():
        options.append(f"-Dlog4j.configuration=file:{home / 'config' / 'log4j.properties'}")
    return options


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on now. Raises `LocalKafkaError` where there are too few."""
    found: list[int] = []
    for port in random.sample(_PORTS, 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise LocalKafkaError(f"No {count} free ports on {HOST} between {_PORTS.start} and {_PORTS.stop}")
