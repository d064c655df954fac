"""Why a broker does not let this client in, in a sentence that says what to set."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import KafkaError

from streams.broker.brokers import Brokers
from streams.broker.listener import Listener, look_at
from streams.errors import ConfigurationError

_LOGIN_REFUSED = frozenset(
    {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.UNSUPPORTED_SASL_MECHANISM}
)
_SPOKEN = {
    "PLAINTEXT": "neither TLS nor a login",
    "SSL": "TLS",
    "SASL_PLAINTEXT": "a login (SASL) without TLS",
    "SASL_SSL": "a login (SASL) over TLS",
}


class LoginRefusedError(ConfigurationError):
    """User, password or mechanism are wrong: waiting does not help."""


def is_login_refused(error: KafkaError) -> bool:
    """Whether the broker has refused the login.

    librdkafka uses the same code where the connection is lost during the login ("Local: Broker transport failure").
    """
    return error.code() in _LOGIN_REFUSED and "Local: " not in error.str()


def login_refused(brokers: Brokers, error: KafkaError) -> LoginRefusedError:
    """The error for a login that the broker does not accept."""
    return LoginRefusedError(
        f"the broker at {brokers} refuses the login, authentication failed ({error.str()}). Check "
        "HEADWATER_SASL_USERNAME, HEADWATER_SASL_PASSWORD_FILE (or HEADWATER_SASL_PASSWORD) and "
        "HEADWATER_SASL_MECHANISM."
    )


def refusal(brokers: Brokers, heard: Iterable[KafkaError]) -> ConfigurationError | None:
    """What keeps this client out; None where no broker answers at all, or for another reason. Takes some seconds.

    ``heard``: what the client's error callback was told.
    """
    for address in brokers.addresses:
        listener = look_at(address, brokers.tls)
        if listener is not None and (reason := _mismatch(brokers, listener)) is not None:
            return ConfigurationError(reason)
    for error in heard:
        if is_login_refused(error):
            return login_refused(brokers, error)
    for error in heard:
        if error.code() == KafkaError._SSL:
            return ConfigurationError(
                f"TLS to the broker at {brokers} fails ({error.str()}). Check HEADWATER_SSL_CA_FILE, "
                "HEADWATER_SSL_CERTIFICATE_FILE and HEADWATER_SSL_KEY_FILE."
            )
    return None


def _mismatch(brokers: Brokers, listener: Listener) -> str | None:
    if listener.tls and brokers.tls is not None:
        if listener.distrust:
            return _distrusted(brokers, listener.distrust)
        if listener.alert:
            return _certificate_refused(brokers, listener.alert, shown=brokers.tls.certificate_file is not None)
    if listener.alert:  # whether it wants a login, too, it would say only behind the certificate
        return _wanted(brokers, "TLS and a client's certificate", "SSL or SASL_SSL", listener)
    if listener.protocol != brokers.protocol:
        return _wanted(brokers, _SPOKEN[listener.protocol], listener.protocol, listener)
    return None


def _wanted(brokers: Brokers, wants: str, protocol: str, listener: Listener) -> str:
    also = []
    if listener.alert:
        also.append("HEADWATER_SSL_CERTIFICATE_FILE and HEADWATER_SSL_KEY_FILE to the certificate and its key")
    if listener.mechanisms and brokers.login is None:
        also.append(
            f"HEADWATER_SASL_MECHANISM to one that it has ({', '.join(listener.mechanisms)}), and "
            "HEADWATER_SASL_USERNAME and HEADWATER_SASL_PASSWORD_FILE"
        )
    more = "".join(f", {one}" for one in also)
    return (
        f"the broker at {brokers} wants {wants}, but HEADWATER_SECURITY_PROTOCOL is {brokers.protocol}: set it to "
        f"{protocol}{more}."
    )


def _certificate_refused(brokers: Brokers, alert: str, shown: bool) -> str:
    what = "refuses the client certificate" if shown else "wants a client certificate"
    return (
        f"the broker at {brokers} {what} (TLS: {alert}). Set HEADWATER_SSL_CERTIFICATE_FILE and HEADWATER_SSL_KEY_FILE "
        "to one of an authority that the broker trusts."
    )


def _distrusted(brokers: Brokers, found: str) -> str:
    if "mismatch" in found:
        advice = "Use a host name in HEADWATER_BROKERS that is in the broker's certificate."
    else:
        advice = "Set HEADWATER_SSL_CA_FILE to the certificate of the authority that signed the broker's."
    return f"TLS to the broker at {brokers} fails, its certificate is not trusted: {found.rstrip('.')}. {advice}"
