"""Reads from the settings how the brokers are reached, and refuses settings that contradict each other."""

from __future__ import annotations

import ssl
from pathlib import Path

from pydantic import SecretStr

from streams.broker.brokers import Brokers, Login, Tls
from streams.errors import ConfigurationError
from streams.settings import Settings, variable

_LOGIN = ("sasl_mechanism", "sasl_username", "sasl_password", "sasl_password_file")
_TLS = ("ssl_ca_file", "ssl_certificate_file", "ssl_key_file", "ssl_key_password", "ssl_key_password_file")
ACCESS_VARIABLES = tuple(variable(name) for name in ("security_protocol", *_LOGIN, *_TLS))
"""Say how brokers are reached, besides their addresses."""
_NEEDS_CERTIFICATE = ("ssl_key_file", "ssl_key_password", "ssl_key_password_file")


def brokers_of(settings: Settings) -> Brokers:
    """Addresses, TLS and login. Files are read now: what changes in them later is seen at the next start.

    Raises :class:`ConfigurationError`, which names the variable, where something is missing or does not fit.
    """
    if settings.brokers is None:
        raise ConfigurationError(
            "HEADWATER_BROKERS is not set: give your Kafka's host:port, "
            "or run `headwater broker` in another terminal and use the address that it prints."
        )
    protocol = settings.security_protocol
    over_tls, with_login = protocol.endswith("SSL"), protocol.startswith("SASL")
    if not over_tls:
        _refuse(settings, _TLS, "SSL or SASL_SSL")
    if not with_login:
        _refuse(settings, _LOGIN, "SASL_SSL or SASL_PLAINTEXT")
    return Brokers(settings.brokers, _tls(settings) if over_tls else None, _login(settings) if with_login else None)


def in_the_clear(brokers: Brokers) -> str | None:
    """What others on the network can read, None where TLS or this machine itself keeps it."""
    if brokers.tls is not None or not brokers.strangers:
        return None
    what = "The password and every record" if brokers.login is not None else "Every record"
    return (
        f"{what} crosses the network to {', '.join(brokers.strangers)} unencrypted (HEADWATER_SECURITY_PROTOCOL is "
        f"{brokers.protocol}), and nothing proves that it is the broker. Use {'SASL_SSL' if brokers.login else 'SSL'} "
        "unless this network is private."
    )


def _refuse(settings: Settings, names: tuple[str, ...], protocols: str) -> None:
    """Raises :class:`ConfigurationError` when one of the settings is set, because it would do nothing."""
    for name in names:
        if getattr(settings, name) is not None:
            raise ConfigurationError(
                f"{variable(name)} is set, but HEADWATER_SECURITY_PROTOCOL is {settings.security_protocol}, which does "
                f"not use it: set HEADWATER_SECURITY_PROTOCOL to {protocols}, or unset {variable(name)}."
            )


def _login(settings: Settings) -> Login:
    password = _secret(settings, "sasl_password")
    for name, value in (("sasl_username", settings.sasl_username), ("sasl_password_file", password)):
        if value is None:
            raise ConfigurationError(
                f"HEADWATER_SECURITY_PROTOCOL is {settings.security_protocol}, which needs a login: "
                f"{variable(name)} is not set."
            )
    assert settings.sasl_username is not None and password is not None
    return Login(settings.sasl_mechanism or "PLAIN", settings.sasl_username, password)


def _tls(settings: Settings) -> Tls:
    if settings.ssl_certificate_file is None:
        for name in _NEEDS_CERTIFICATE:
            if getattr(settings, name) is not None:
                raise ConfigurationError(f"{variable(name)} is set without HEADWATER_SSL_CERTIFICATE_FILE.")
    for name in ("ssl_ca_file", "ssl_certificate_file", "ssl_key_file"):
        path = getattr(settings, name)
        if path is not None:
            _read(name, path)
    tls = Tls(
        settings.ssl_ca_file,
        settings.ssl_certificate_file,
        settings.ssl_key_file,
        _secret(settings, "ssl_key_password"),
    )
    _try(Tls(tls.ca_file), "ssl_ca_file", "is no file of certificates (PEM)")
    _try(tls, "ssl_certificate_file", "and HEADWATER_SSL_KEY_FILE are no certificate with its key (PEM), or the key is "
         "encrypted and HEADWATER_SSL_KEY_PASSWORD_FILE does not open it")  # fmt: skip
    return tls


def _try(tls: Tls, name: str, wrong: str) -> None:
    try:
        tls.context()
    except (ssl.SSLError, ValueError) as exc:
        reason = getattr(exc, "reason", None) or type(exc).__name__
        raise ConfigurationError(f"{variable(name)} {wrong} ({reason}).") from None


def _secret(settings: Settings, name: str) -> SecretStr | None:
    """The value of a secret, or of the file that holds it; None where neither is set."""
    given: SecretStr | None = getattr(settings, name)
    path: Path | None = getattr(settings, f"{name}_file")
    if path is None:
        return given
    if given is not None:
        raise ConfigurationError(f"{variable(name)} and {variable(f'{name}_file')} are both set: unset one of them.")
    text = _read(f"{name}_file", path).rstrip(b"\r\n")
    if not text or b"\n" in text:
        raise ConfigurationError(f"{variable(f'{name}_file')}: {path} has to hold one line, the password.")
    try:
        return SecretStr(text.decode())
    except UnicodeDecodeError:
        pass  # not shown as the cause: it holds the password
    raise ConfigurationError(f"{variable(f'{name}_file')}: {path} is not text in UTF-8.")


def _read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigurationError(f"{variable(name)}: {path} cannot be read ({exc.strerror}).") from exc
