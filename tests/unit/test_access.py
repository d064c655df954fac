"""How the brokers are reached, from the settings: contradictions are refused by name, secrets are never shown."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import faust
import pytest
from pydantic import SecretStr

from streams.broker.access import brokers_of, in_the_clear
from streams.broker.brokers import Brokers, Login, Tls
from streams.engine.credentials import aiokafka_options, credentials
from streams.errors import ConfigurationError
from streams.settings import Settings
from tests.certificates import Authority

LOGIN = {"security_protocol": "SASL_SSL", "sasl_username": "hw", "sasl_password": SecretStr("hunter2")}


def brokers(**settings: Any) -> Brokers:
    return brokers_of(Settings(**{"brokers": "kafka:9093"} | settings))


def refused(**settings: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        brokers(**settings)
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def test_plain_is_the_default() -> None:
    found = brokers()
    assert found == Brokers("kafka:9093") and found.protocol == "PLAINTEXT"
    assert found.librdkafka() == {"bootstrap.servers": "kafka:9093"}
    assert credentials(found) is None
    assert aiokafka_options(found) == {"bootstrap_servers": "kafka:9093", "security_protocol": "PLAINTEXT"}


def test_a_login_over_tls_reaches_both_libraries(authority: Authority) -> None:
    certificate, key = authority.issue("client", password="opened")
    found = brokers(
        **LOGIN, sasl_mechanism="SCRAM-SHA-512", ssl_ca_file=authority.certificate, ssl_certificate_file=certificate,
        ssl_key_file=key, ssl_key_password=SecretStr("opened"),
    )  # fmt: skip
    assert found.librdkafka() == {
        "bootstrap.servers": "kafka:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "hw",
        "sasl.password": "hunter2",
        "ssl.endpoint.identification.algorithm": "https",
        "ssl.ca.location": str(authority.certificate),
        "ssl.certificate.location": str(certificate),
        "ssl.key.location": str(key),
        "ssl.key.password": "opened",
    }
    options = aiokafka_options(found)
    context = options.pop("ssl_context")
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    assert options == {
        "bootstrap_servers": "kafka:9093",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "hw",
        "sasl_plain_password": "hunter2",
    }


def test_tls_without_a_login() -> None:
    found = brokers(security_protocol="SSL")
    assert found.librdkafka()["security.protocol"] == "SSL" and "ssl.ca.location" not in found.librdkafka()
    assert isinstance(credentials(found), faust.SSLCredentials)


def test_a_login_without_tls_is_plain_by_default() -> None:
    found = brokers(**LOGIN | {"security_protocol": "SASL_PLAINTEXT"})
    assert found.librdkafka()["sasl.mechanism"] == "PLAIN"
    assert aiokafka_options(found)["security_protocol"] == "SASL_PLAINTEXT"


def test_the_password_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" hunter2 \r\n")
    found = brokers(**LOGIN | {"sasl_password": None, "sasl_password_file": tmp_path / "password"})
    assert found.librdkafka()["sasl.password"] == " hunter2 "


def test_secrets_are_not_shown() -> None:
    found = Brokers("kafka:1", Tls(key_password=SecretStr("hunter2")), Login("PLAIN", "hw", SecretStr("hunter2")))
    assert "hunter2" not in f"{found} {found!r} {found.login!r} {found.tls!r}"
    assert str(found) == "kafka:1"
    assert "hunter2" not in repr(credentials(found))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"sasl_mechanism": "PLAIN"}, "HEADWATER_SASL_MECHANISM is set, but HEADWATER_SECURITY_PROTOCOL is PLAINTEXT"),
        ({"sasl_username": "hw"}, "HEADWATER_SASL_USERNAME is set"),
        ({"sasl_password": SecretStr("hunter2")}, "HEADWATER_SASL_PASSWORD is set"),
        ({"sasl_password": SecretStr("hunter2"), "security_protocol": "SSL"}, "HEADWATER_SASL_PASSWORD is set"),
        ({"ssl_ca_file": Path("/ca")}, "HEADWATER_SSL_CA_FILE is set"),
        (LOGIN | {"security_protocol": "SASL_PLAINTEXT", "ssl_ca_file": Path("/ca")}, "HEADWATER_SSL_CA_FILE is set"),
        (LOGIN | {"sasl_username": None}, "HEADWATER_SASL_USERNAME is not set"),
        (LOGIN | {"sasl_password": None}, "HEADWATER_SASL_PASSWORD_FILE is not set"),
        (LOGIN | {"sasl_password_file": Path("/x")}, "HEADWATER_SASL_PASSWORD and HEADWATER_SASL_PASSWORD_FILE are"),
        (LOGIN | {"sasl_password": None, "sasl_password_file": Path("/none")}, "HEADWATER_SASL_PASSWORD_FILE: /none"),
        (LOGIN | {"sasl_password": None, "sasl_password_file": Path("/")}, "HEADWATER_SASL_PASSWORD_FILE: / cannot"),
        ({"security_protocol": "SSL", "ssl_ca_file": Path("/none")}, "HEADWATER_SSL_CA_FILE: /none cannot be read"),
        ({"security_protocol": "SSL", "ssl_ca_file": Path(__file__)}, "HEADWATER_SSL_CA_FILE is no file of certific"),
        ({"security_protocol": "SSL", "ssl_key_file": Path("/k")}, "HEADWATER_SSL_KEY_FILE is set without HEADW"),
        ({"security_protocol": "SSL", "ssl_certificate_file": Path(__file__)}, "HEADWATER_SSL_CERTIFICATE_FILE and HE"),
        ({"brokers": None}, "HEADWATER_BROKERS is not set"),
    ],
)  # fmt: skip
def test_contradictions_are_refused_by_name(settings: dict[str, Any], names: str) -> None:
    assert names in refused(**settings)


@pytest.mark.parametrize("text", [b"", b"\n", b"hunter2\nhunter3\n", b"hunter2\xff"])
def test_a_file_that_holds_no_password(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(text)
    words = refused(**LOGIN | {"sasl_password": None, "sasl_password_file": tmp_path / "password"})
    assert words.startswith("HEADWATER_SASL_PASSWORD_FILE: ")


@pytest.mark.parametrize("password", [None, SecretStr("wrong")])
def test_an_encrypted_key_is_not_asked_for_at_the_terminal(password: SecretStr | None, authority: Authority) -> None:
    certificate, key = authority.issue("locked", password="opened")
    words = refused(
        security_protocol="SSL", ssl_certificate_file=certificate, ssl_key_file=key, ssl_key_password=password
    )
    assert "HEADWATER_SSL_KEY_PASSWORD_FILE does not open it" in words


@pytest.mark.parametrize("servers", ["localhost:9092", "127.0.0.1:9092,127.3.2.1:9093", "[::1]:9092", "LOCALHOST"])
def test_this_machine_needs_no_tls(servers: str) -> None:
    assert in_the_clear(brokers(brokers=servers)) is None


def test_others_are_warned_of() -> None:
    warning = in_the_clear(brokers(brokers="127.0.0.1:1,10.0.0.7:9092,kafka"))
    assert warning is not None and "Every record crosses the network to 10.0.0.7, kafka unencrypted" in warning
    warning = in_the_clear(brokers(**LOGIN | {"security_protocol": "SASL_PLAINTEXT"}))
    assert warning is not None and warning.startswith("The password and every record")
    assert in_the_clear(brokers(security_protocol="SSL")) is None
