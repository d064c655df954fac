"""All settings are read alike (blanks, choices, `~`), and what is refused is told what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr, ValidationError

from headwater.cli.terminal import load_settings
from streams.errors import ConfigurationError
from streams.settings import Location, Settings, is_secret, unknown_variables, variable

NAMES = list(Settings.model_fields)
PATHS = [
    name
    for name, field in Settings.model_fields.items()
    if {Path, Location} & {field.annotation, *get_args(field.annotation)}
]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(variable(name), raising=False)


def wrong(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    """The sentence that refuses the value."""
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert caught.value.__context__ is None, "a traceback would show the values"
    return str(caught.value)


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize("name", NAMES)
def test_blank_is_not_set(name: str, blank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    by_default = getattr(Settings(), name)
    monkeypatch.setenv(variable(name), blank)
    found = Settings()
    assert getattr(found, name) == by_default and name not in found.model_fields_set


def test_all_paths_are_known() -> None:
    assert {"state_dir", "cache_dir", "kafka_home", "sasl_password_file", "ssl_ca_file"} <= set(PATHS)


@pytest.mark.parametrize("name", PATHS)
def test_a_path_may_begin_at_home(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(name), " ~/of-headwater ")
    assert getattr(Settings(), name) == Path.home() / "of-headwater"


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("value", ["$HOME/x", "${HOME}/x", '"/data"', "'~/x'", "~nobody-of-this-name/x"])
def test_a_path_that_no_shell_has_read_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(monkeypatch, name, value).startswith(f"{variable(name)}={value}: ")


@pytest.mark.parametrize("base", ["", "relative", "~/x"])
def test_a_base_folder_that_is_not_absolute_is_ignored(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, base)
    found = Settings()
    assert found.state_dir == Path.home() / ".local/state/headwater"
    assert found.cache_dir == Path.home() / ".cache/headwater"


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("log_level", "info", "INFO"),
        ("log_level", " Warning\r", "WARNING"),
        ("domain", "Retail", "retail"),
        ("store", "MEMORY", "memory"),
        ("security_protocol", "sasl_ssl", "SASL_SSL"),
        ("sasl_mechanism", "Scram-Sha-512", "SCRAM-SHA-512"),
        ("model_backend", "None", "none"),
        ("model_backend", "mine.Backends:Mine", "mine.Backends:Mine"),
        ("allow_repeats", "TRUE", True),
    ],
)
def test_choices_are_found_regardless_of_case(
    name: str, value: str, meant: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(name), value)
    assert getattr(Settings(), name) == meant


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("max_event_age", "5m", "give a number of seconds, such as 300"),
        ("session_timeout", "10s", "give a number of seconds, such as 10"),
        ("list_length", "many", "give a whole number, such as 20"),
        ("user_partitions", "4.5", "give a whole number, such as 8"),
        ("live_share", "5%", "give a number, such as 0.05"),
        ("narrator_rate", "fast", "give a number"),
        ("list_length", "0", "it must be greater than or equal to 1"),
        ("log_level", "verbose", "choose 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("security_protocol", "TLS", "choose 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'"),
        ("allow_repeats", "sometimes", "say true or false"),
        ("namespace", "a b", "letters, digits and a few signs make a name, such as shop-1"),
    ],
)
def test_a_wrong_value_is_told_what_is_allowed(
    name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wrong(monkeypatch, name, value) == f"{variable(name)}={value}: {allowed}"


@pytest.mark.parametrize("value", ["SASL_SSL://kafka:9092", "kafka:9092,PLAINTEXT://other:9092", "kafka://kafka"])
def test_addresses_have_no_prefix(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "HEADWATER_SECURITY_PROTOCOL" in wrong(monkeypatch, "brokers", value)


@pytest.mark.parametrize("value", ["hw:hunter2@kafka:9092", "SASL_SSL://hw:hunter2@kafka:9092"])
def test_a_login_in_an_address_is_refused_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = wrong(monkeypatch, "brokers", value)
    assert words.startswith("HEADWATER_BROKERS: ") and "HEADWATER_SASL_PASSWORD_FILE" in words
    assert "hunter2" not in words


@pytest.mark.parametrize(
    "value",
    [
        "kafka:port",
        "kafka 9092",
        "kafka:9092:9093",
        "fe80::1:9092",
        "/kafka",
        '"kafka:9092"',
        "$KAFKA",
        ",",
        "kafka:0",
        "kafka:65536",
    ],
)
def test_what_is_no_address(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "host:port" in wrong(monkeypatch, "brokers", value)


def test_addresses_are_tidied() -> None:
    assert Settings(brokers=" a:1 , [::1]:2,c,").brokers == "a:1,[::1]:2,c"


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = [name for name in NAMES if is_secret(name)]
    assert secrets == ["sasl_password", "ssl_key_password"]
    for name in secrets:
        monkeypatch.setenv(variable(name), " hunter2 ")
    found = Settings()
    assert isinstance(found.sasl_password, SecretStr) and found.sasl_password.get_secret_value() == " hunter2 "
    assert "hunter2" not in f"{found} {found!r} {found.model_dump()} {found.model_dump_json()}"
    monkeypatch.setenv("HEADWATER_LIST_LENGTH", "many")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "hunter2" not in str(caught.value)


def test_names_that_are_no_settings() -> None:
    found = unknown_variables(
        ["HEADWATER_LIST_LENGHT", "HEADWATER_USER_EVENTS_PER_MINTE", "HEADWATER_BROKER", "HEADWATER_KAFKA_HOME",
         "headwater_sasl_pasword", "HEADWATER_ZZZ", "HEADWATER_BROKERS", "headwater_brokers", "HOME",
         "HEADWATER_BENCH_LOG", "KAFKA_HOME"]
    )  # fmt: skip
    assert found == {
        "HEADWATER_LIST_LENGHT": "Did you mean HEADWATER_LIST_LENGTH?",
        "HEADWATER_USER_EVENTS_PER_MINTE": "Did you mean HEADWATER_USER_EVENTS_PER_MINUTE?",
        "HEADWATER_BROKER": "Did you mean HEADWATER_BROKERS?",
        "HEADWATER_KAFKA_HOME": "Did you mean KAFKA_HOME?",
        "headwater_sasl_pasword": "Did you mean HEADWATER_SASL_PASSWORD?",
        "HEADWATER_ZZZ": "It has no effect; unset it.",
    }


def test_commands_name_them_without_their_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWATER_SASL_PASWORD", "hunter2")
    load_settings()
    assert capsys.readouterr().err == (
        "There is no setting HEADWATER_SASL_PASWORD. Did you mean HEADWATER_SASL_PASSWORD?\n"
    )
