"""Expected failures are one sentence with a remedy and no traceback; bugs keep their traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from headwater.cli.main import app
from headwater.cli.terminal import exit_status, guarded, load_settings
from headwater.cli.worker import parse_stages
from streams.errors import BrokerError, ConfigurationError

NOBODY = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWATER_BROKERS", raising=False)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def shown(result: Result) -> str:
    """The error, which is all there is on standard error."""
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output
    return result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["worker"], ["topics", "create"], ["topics", "describe"], ["topics", "accept", "x"], ["tail"], ["replay", "x"]],
)
def test_without_a_broker(arguments: list[str]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert "HEADWATER_BROKERS" in shown(result)
    assert "headwater broker" in shown(result)


@pytest.mark.parametrize("value", ["none", "0", "4.5"])
def test_a_wrong_setting_names_the_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_USER_PARTITIONS", value)
    result = invoke("topics", "create")
    assert result.exit_code == 2
    assert f"HEADWATER_USER_PARTITIONS={value}" in shown(result)


def test_wrong_namespace_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_BROKERS", NOBODY)
    result = invoke("replay", "x", "--namespace", "a b")
    assert result.exit_code == 2
    assert "HEADWATER_NAMESPACE=a b" in shown(result)


def test_unknown_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_BROKERS", NOBODY)
    result = invoke("worker", "--stages", "profiles,ghosts")
    assert result.exit_code == 2
    assert "unknown stage ghosts" in shown(result)


def test_stages_are_told_apart() -> None:
    assert parse_stages(" items , profiles,items") == ("items", "profiles")
    with pytest.raises(ConfigurationError, match="no stage"):
        parse_stages(" , ")


def test_foreign_topic_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_BROKERS", NOBODY)
    result = invoke("topics", "accept", "someone.elses.topic")
    assert result.exit_code == 2
    assert "headwater.events.click.v1" in shown(result)


@pytest.mark.parametrize("command", ["validate", "evaluate"])
def test_file_that_is_none(command: str, tmp_path: Path) -> None:
    for path, words in ((tmp_path / "gone", "does not exist"), (tmp_path, "is a folder"), (Path("/dev/null"), "empty")):
        result = invoke(command, str(path))
        assert result.exit_code == 2
        assert words in result.stderr
        assert "Traceback" not in result.output


def test_status_of_errors() -> None:
    assert exit_status(ConfigurationError("x")) == 2
    assert exit_status(BrokerError("x")) == 1
    assert exit_status(ConnectionRefusedError("x")) == 1
    assert exit_status(ZeroDivisionError("a bug")) is None


def test_a_bug_keeps_its_traceback() -> None:
    @guarded
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()


def test_interruption_is_status_130() -> None:
    @guarded
    def command() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 130


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("HEADWATER_DOMAIN", "books", ["general", "retail", "film", "education", "media", "finance", "health"]),
        ("HEADWATER_LOCALE", "de", ["en", "zh-hans", "zh-hant"]),
        ("HEADWATER_LOCALE", "pt-BR", ["en"]),
        ("HEADWATER_MODEL_BACKEND", "gpt", ["transformers", "none", "module:class"]),
        ("HEADWATER_MODEL_BACKEND", "no_such_module:Backend", ["transformers", "none", "module:class"]),
    ],
)
def test_words_that_do_not_exist_are_refused_at_the_start_with_those_that_do(
    variable: str, value: str, allowed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_BROKERS", NOBODY)
    monkeypatch.setenv(variable, value)
    result = invoke("worker")
    assert result.exit_code == 2
    message = shown(result)
    assert f"{variable}={value}" in message
    assert all(word in message.lower() for word in allowed), message


@pytest.mark.parametrize(
    ("variable", "value", "field", "taken"),
    [
        ("HEADWATER_DOMAIN", " Film ", "domain", "film"),
        ("HEADWATER_DOMAIN", "RETAIL", "domain", "retail"),
        ("HEADWATER_LOCALE", "zh_TW", "locale", "zh_TW"),
        ("HEADWATER_MODEL_BACKEND", "None", "model_backend", "none"),
    ],
)
def test_case_of_words_does_not_matter(
    variable: str, value: str, field: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(load_settings(), field) == taken


def test_nothing_has_to_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADWATER_DOMAIN", raising=False)
    assert load_settings().domain == "general"
