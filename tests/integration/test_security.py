"""Brokers that ask for TLS, a login or both: every command and the worker reach them, and say what keeps them out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from pydantic import SecretStr

from headwater.local_kafka.broker import LocalKafka
from streams.broker.admin import connect, read_metadata
from streams.broker.brokers import Brokers, Login, Tls
from streams.broker.topic_reading import read_topic
from streams.errors import ConfigurationError
from streams.settings import Settings
from tests.certificates import Authority
from tests.integration.worker import ROOT, Worker

pytestmark = pytest.mark.integration
USER, PASSWORD = "hw", "hunter2=pass, word;"
NAMESPACES = "secured-"
EVENTS = 100
IN_SECONDS = 30.0
LISTENERS = {
    "PASSWORDS": "SASL_PLAINTEXT",
    "TLS": "SSL",
    "BOTH": "SASL_SSL",
    "MUTUAL": "SSL",
    "ELSEWHERE": "SSL",
}
PLAIN_LOGINS = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
SCRAM_LOGINS = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
ACCESSES = ("plain login", "scram login", "tls", "login and certificate over tls")


def listener_properties(authority: Authority) -> dict[str, str]:
    """Logins, certificates and permissions: only who comes without a login may do everything."""
    own, elsewhere = authority.keystore("broker"), authority.keystore("elsewhere", "DNS:kafka.example")
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "listener.name.passwords.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.passwords.plain.sasl.jaas.config": PLAIN_LOGINS,
        "listener.name.passwords.scram-sha-512.sasl.jaas.config": SCRAM_LOGINS,
        "listener.name.both.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.both.scram-sha-256.sasl.jaas.config": SCRAM_LOGINS,
        "listener.name.both.ssl.client.auth": "requested",
        "listener.name.mutual.ssl.client.auth": "required",
    }
    for name, store in {"tls": own, "both": own, "mutual": own, "elsewhere": elsewhere}.items():
        properties |= {
            f"listener.name.{name}.ssl.keystore.type": "PEM",
            f"listener.name.{name}.ssl.keystore.location": str(store),
            f"listener.name.{name}.ssl.truststore.type": "PEM",
            f"listener.name.{name}.ssl.truststore.location": str(authority.certificate),
        }
    return properties


def set_password(kafka: LocalKafka, password: str) -> None:
    """Of the SCRAM mechanisms; returns when the broker has it."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        credential = UserScramCredentialUpsertion(USER, ScramCredentialInfo(mechanism, 4096), password.encode())
        admin.alter_user_scram_credentials([credential])[USER].result(30)


def permit(kafka: LocalKafka) -> None:
    """Give the user the rights that docs/operations.md asks for."""
    rights = {
        ResourceType.TOPIC: ("READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS", "CREATE"),
        ResourceType.GROUP: ("READ",),
    }
    rules = [
        AclBinding(
            kind, NAMESPACES, ResourcePatternType.PREFIXED, f"User:{USER}", "*", AclOperation[operation],
            AclPermissionType.ALLOW,
        )
        for kind, operations in rights.items()
        for operation in operations
    ]  # fmt: skip
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.create_acls(rules).values():
        future.result(30)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Nobody trusts it."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def secured(authority: Authority) -> Iterator[LocalKafka]:
    settings = Settings()
    properties = listener_properties(authority)
    with LocalKafka(
        settings.cache_dir, kafka_home=settings.kafka_home, properties=properties, listeners=LISTENERS, progress=print
    ) as kafka:
        set_password(kafka, PASSWORD)
        permit(kafka)
        yield kafka


def environment_of(access: str, kafka: LocalKafka, authority: Authority, folder: Path) -> dict[str, str]:
    """What somebody sets who has read the README."""
    (folder / "password").write_text(PASSWORD + "\n")
    login = {"HEADWATER_SASL_USERNAME": USER, "HEADWATER_SASL_PASSWORD_FILE": str(folder / "password")}
    if access == "plain login":
        return login | {
            "HEADWATER_BROKERS": kafka.address("PASSWORDS"),
            "HEADWATER_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "HEADWATER_SASL_MECHANISM": "PLAIN",
        }
    if access == "scram login":
        return {
            "HEADWATER_BROKERS": kafka.address("PASSWORDS"),
            "HEADWATER_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "HEADWATER_SASL_MECHANISM": "SCRAM-SHA-512",
            "HEADWATER_SASL_USERNAME": USER,
            "HEADWATER_SASL_PASSWORD": PASSWORD,
        }
    if access == "tls":
        return {
            "HEADWATER_BROKERS": kafka.address("TLS").replace("127.0.0.1", "localhost"),
            "HEADWATER_SECURITY_PROTOCOL": "SSL",
            "HEADWATER_SSL_CA_FILE": str(authority.certificate),
        }
    certificate, key = authority.issue("client", password="opened")
    return login | {
        "HEADWATER_BROKERS": kafka.address("BOTH"),
        "HEADWATER_SECURITY_PROTOCOL": "SASL_SSL",
        "HEADWATER_SASL_MECHANISM": "SCRAM-SHA-256",
        "HEADWATER_SSL_CA_FILE": str(authority.certificate),
        "HEADWATER_SSL_CERTIFICATE_FILE": str(certificate),
        "HEADWATER_SSL_KEY_FILE": str(key),
        "HEADWATER_SSL_KEY_PASSWORD": "opened",
    }


def headwater(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headwater.cli.main", *arguments],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def replay_file(folder: Path) -> Path:
    now = int(time.time() * 1000)
    lines = [
        {"topic": "events.click.v1", "value": {
            "event_id": f"e{n}", "user_id": f"u{n % 7}", "item_id": f"i{n % 11}", "occurred_at": now + n
        }}
        for n in range(EVENTS)
    ]  # fmt: skip
    path = folder / "clicks.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize("access", ACCESSES)
def test_all_of_it_works(access: str, secured: LocalKafka, authority: Authority, tmp_path: Path) -> None:
    """Topics, worker, replay, tail and doctor; every event is answered and no secret is written anywhere."""
    namespace = f"{NAMESPACES}{uuid.uuid4().hex[:8]}"
    access_environment = environment_of(access, secured, authority, tmp_path)
    brokers = access_environment["HEADWATER_BROKERS"]
    worker_environment = access_environment | {"HEADWATER_USER_PARTITIONS": "2", "HEADWATER_ITEM_PARTITIONS": "2"}
    done = [headwater(worker_environment | {"HEADWATER_NAMESPACE": namespace}, "topics", "create")]
    assert done[0].returncode == 0, done[0].stderr
    worker = Worker(brokers, namespace, tmp_path, "w0", None, worker_environment)
    try:
        worker.wait_ready()
        environment = worker.env | {"HEADWATER_HTTP_PORT": worker.url.rpartition(":")[2]}
        commands = (
            ("replay", str(replay_file(tmp_path))),
            ("tail", "--from-beginning", "--count", "1"),
            ("doctor",),
            ("topics", "describe"),
        )
        with ThreadPoolExecutor(2) as pool:
            done += pool.map(lambda arguments: headwater(environment, *arguments), commands)
        for one in done:
            assert one.returncode == 0, [*one.args[3:], one.stdout, one.stderr]
        triggers: set[str] = set()
        deadline = time.monotonic() + IN_SECONDS
        while len(triggers) < EVENTS and time.monotonic() < deadline:
            messages = read_topic(secured.brokers, f"{namespace}.recommendations.v1")
            triggers = {json.loads(message.value())["trigger"]["event_id"] for message in messages}
        assert triggers == {f"e{n}" for n in range(EVENTS)}, worker.log()[-3000:]
        metrics, ready = worker.page("/metrics")[1], worker.page("/readyz")[1]
        assert worker.stop() == 0, worker.log()[-3000:]
    finally:
        if not worker.exited:
            worker.kill()
    written = "".join(one.stdout + one.stderr for one in done) + worker.log() + metrics + ready
    assert PASSWORD not in written and "hunter2" not in written and "opened" not in written
    assert "unencrypted" not in written, "the network of this machine is private"
    assert "ERROR" not in worker.log(), worker.log()


# ---- what keeps a client out
def a_login(mechanism: str = "SCRAM-SHA-512", password: str = PASSWORD) -> Login:
    return Login(mechanism, USER, SecretStr(password))


def words_for(brokers: Brokers) -> str:
    """Why nobody is let in; seen within seconds."""
    started = time.monotonic()
    with pytest.raises(ConfigurationError) as caught:
        read_metadata(connect(brokers), brokers)
    assert time.monotonic() - started < 10
    assert "hunter2" not in str(caught.value) and "wrong-password" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("listener", "spoken", "wanted", "protocol"),
    [
        ("PASSWORDS", "PLAINTEXT", r"a login \(SASL\) without TLS", "SASL_PLAINTEXT"),
        ("PASSWORDS", "SASL_SSL", r"a login \(SASL\) without TLS", "SASL_PLAINTEXT"),
        ("TLS", "PLAINTEXT", "TLS", "SSL"),
        ("TLS", "SASL_SSL", "TLS", "SSL"),
        ("BOTH", "PLAINTEXT", r"a login \(SASL\) over TLS", "SASL_SSL"),
        ("BOTH", "SASL_PLAINTEXT", r"a login \(SASL\) over TLS", "SASL_SSL"),
        ("BOTH", "SSL", r"a login \(SASL\) over TLS", "SASL_SSL"),
        ("MUTUAL", "PLAINTEXT", "TLS and a client's certificate", "SSL or SASL_SSL"),
        ("", "SSL", "neither TLS nor a login", "PLAINTEXT"),
        ("", "SASL_PLAINTEXT", "neither TLS nor a login", "PLAINTEXT"),
    ],
)
def test_another_protocol_is_named(
    listener: str, spoken: str, wanted: str, protocol: str, secured: LocalKafka, authority: Authority
) -> None:
    brokers = Brokers(
        secured.address(listener) if listener else secured.bootstrap,
        Tls(authority.certificate) if spoken.endswith("SSL") else None,
        a_login() if spoken.startswith("SASL") else None,
    )
    assert re.search(
        f"wants {wanted}, but HEADWATER_SECURITY_PROTOCOL is {spoken}: set it to {protocol}[,.]", words_for(brokers)
    )


def test_the_mechanisms_of_a_wanted_login_are_named(secured: LocalKafka) -> None:
    assert "(PLAIN, SCRAM-SHA-512)" in words_for(Brokers(secured.address("PASSWORDS")))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password(mechanism: str, secured: LocalKafka) -> None:
    words = words_for(Brokers(secured.address("PASSWORDS"), None, a_login(mechanism, "wrong-password")))
    assert "authentication failed" in words and "HEADWATER_SASL_PASSWORD_FILE" in words


@pytest.mark.parametrize(("listener", "mechanism"), [("PASSWORDS", "SCRAM-SHA-256"), ("BOTH", "PLAIN")])
def test_a_wrong_mechanism(listener: str, mechanism: str, secured: LocalKafka, authority: Authority) -> None:
    tls = Tls(authority.certificate) if listener == "BOTH" else None
    words = words_for(Brokers(secured.address(listener), tls, a_login(mechanism)))
    assert "authentication failed" in words and "HEADWATER_SASL_MECHANISM" in words
    assert "SCRAM-SHA-" in words.replace(mechanism, ""), "the broker's own mechanisms"


def test_an_authority_that_is_not_trusted(secured: LocalKafka, stranger: Authority) -> None:
    for tls in (Tls(stranger.certificate), Tls()):
        words = words_for(Brokers(secured.address("TLS"), tls))
        assert "certificate is not trusted" in words and "Set HEADWATER_SSL_CA_FILE" in words


def test_another_host_name(secured: LocalKafka, authority: Authority) -> None:
    words = words_for(Brokers(secured.address("ELSEWHERE"), Tls(authority.certificate)))
    assert "certificate is not trusted" in words and "Use a host name in HEADWATER_BROKERS" in words


def test_a_client_certificate(secured: LocalKafka, authority: Authority, stranger: Authority) -> None:
    brokers = Brokers(secured.address("MUTUAL"), Tls(authority.certificate))
    assert "wants a client certificate" in words_for(brokers)
    certificate, key = stranger.issue("intruder")
    shown = replace(brokers, tls=Tls(authority.certificate, certificate, key))
    assert "refuses the client certificate" in words_for(shown)
    certificate, key = authority.issue("friend")
    (both := certificate.with_suffix(".both")).write_bytes(certificate.read_bytes() + key.read_bytes())
    for tls in (Tls(authority.certificate, certificate, key), Tls(authority.certificate, both)):
        brokers = Brokers(secured.address("MUTUAL"), tls)
        assert read_metadata(connect(brokers), brokers).brokers


def test_every_command_says_why(secured: LocalKafka, tmp_path: Path) -> None:
    """A wrong password for each command and the worker: the status of a wrong setting, one sentence, in seconds."""
    environment = {
        "HEADWATER_BROKERS": secured.address("PASSWORDS"),
        "HEADWATER_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "HEADWATER_SASL_MECHANISM": "SCRAM-SHA-512",
        "HEADWATER_SASL_USERNAME": USER,
        "HEADWATER_SASL_PASSWORD": "wrong-password",
        "HEADWATER_STATE_DIR": str(tmp_path),
        "HEADWATER_HTTP_PORT": "0",
    }
    commands = (
        ("worker",),
        ("topics", "create"),
        ("topics", "describe"),
        ("topics", "accept", "headwater.events.click.v1"),
        ("replay", str(replay_file(tmp_path))),
        ("tail",),
        ("doctor",),
    )
    started = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda arguments: headwater(environment, *arguments), commands))
    assert time.monotonic() - started < IN_SECONDS
    for arguments, one in zip(commands, done, strict=True):
        written = one.stdout + one.stderr
        assert one.returncode == (1 if arguments == ("doctor",) else 2), written
        assert "authentication failed" in written, written
        assert "Traceback" not in written and "wrong-password" not in written and "is it running" not in written
