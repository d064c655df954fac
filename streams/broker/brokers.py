"""How the brokers are reached: addresses, TLS and login, as the clients of both Kafka libraries want to be told."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import SecretStr

PORT = 9092
_LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})


@dataclass(frozen=True, slots=True)
class Login:
    """A user and how it proves who it is."""

    mechanism: str
    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class Tls:
    """Which authorities are trusted, and the certificate of this client; None: the system's, none."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    """None: the key is in the file of the certificate."""
    key_password: SecretStr | None = None

    def context(self) -> ssl.SSLContext:
        """Checks certificate and host name of a broker; raises ``ssl.SSLError``, ``OSError`` for files that do not do.

        Without a password an encrypted key is refused: OpenSSL would ask the terminal.
        """
        context = ssl.create_default_context(cafile=self.ca_file)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # librdkafka is not that strict: both trust the same
        if self.certificate_file is not None:
            password = self.key_password.get_secret_value() if self.key_password is not None else ""
            context.load_cert_chain(self.certificate_file, self.key_file, password)
        return context


@dataclass(frozen=True, slots=True)
class Brokers:
    """Where the brokers are and what they ask of their clients. As text: the addresses alone."""

    servers: str
    """``host:port,host:port``"""
    tls: Tls | None = field(default=None, repr=False)
    login: Login | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.servers

    @property
    def protocol(self) -> str:
        """Kafka's name for it: one of `PROTOCOLS`."""
        return PROTOCOLS[self.tls is not None, self.login is not None]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each server."""
        return [_address(server) for server in self.servers.split(",")]

    @property
    def strangers(self) -> list[str]:
        """Hosts that are not this machine itself."""
        return [host for host, _ in self.addresses if not _is_loopback(host)]

    def librdkafka(self) -> dict[str, Any]:
        """Options of a client of librdkafka (confluent-kafka)."""
        options: dict[str, Any] = {"bootstrap.servers": self.servers}
        if self.protocol != PLAINTEXT:
            options["security.protocol"] = self.protocol
        if self.login is not None:
            options |= {
                "sasl.mechanism": self.login.mechanism,
                "sasl.username": self.login.username,
                "sasl.password": self.login.password.get_secret_value(),
            }
        return options | (_tls_options(self.tls) if self.tls is not None else {})


PLAINTEXT = "PLAINTEXT"
PROTOCOLS = {
    (False, False): PLAINTEXT,
    (True, False): "SSL",
    (False, True): "SASL_PLAINTEXT",
    (True, True): "SASL_SSL",
}
"""(whether over TLS, whether with a login) -> Kafka's name."""


def _tls_options(tls: Tls) -> dict[str, str]:
    options = {"ssl.endpoint.identification.algorithm": "https"}
    if tls.ca_file is not None:
        options["ssl.ca.location"] = str(tls.ca_file)
    if tls.certificate_file is not None:
        options["ssl.certificate.location"] = str(tls.certificate_file)
        options["ssl.key.location"] = str(tls.key_file or tls.certificate_file)
    if tls.key_password is not None:
        options["ssl.key.password"] = tls.key_password.get_secret_value()
    return options


def _address(server: str) -> tuple[str, int]:
    host, port = re.fullmatch(r"\[?(.+?)\]?(?::(\d+))?", server).groups()  # type: ignore[union-attr]  # all match
    return host, int(port or PORT)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() in _LOOPBACK_NAMES
