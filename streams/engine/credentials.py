"""TLS and login as Faust and aiokafka want to be told."""

from __future__ import annotations

from typing import Any

import faust
from faust.auth import Credentials
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from streams.broker.brokers import Brokers


def credentials(brokers: Brokers) -> Credentials | None:
    """For a Faust app; None where neither TLS nor a login is wanted. Raises ``ssl.SSLError``, ``OSError``."""
    context = brokers.tls.context() if brokers.tls is not None else None
    login = brokers.login
    if login is not None:
        return faust.SASLCredentials(
            username=login.username,
            password=login.password.get_secret_value(),
            mechanism=login.mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None


def aiokafka_options(brokers: Brokers) -> dict[str, Any]:
    """The same, and the addresses, for a client of aiokafka that is not Faust's."""
    options: dict[str, Any] = credentials_to_aiokafka_auth(credentials(brokers))
    return options | {"bootstrap_servers": brokers.servers}
