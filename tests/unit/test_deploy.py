"""What compose file, Dockerfile and Prometheus' configuration name exists, and they agree with one another."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from headwater.cli import main
from headwater.local_kafka.jars import KAFKA_VERSION
from streams.settings import Settings
from streams.worker.http import PAGES

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OWN = [name for name, service in SERVICES.items() if "build" in service]
PORT = Settings.model_fields["http_port"].default


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(f"{name} ")]


def setting_names(environment: dict[str, Any]) -> set[str]:
    return {name.removeprefix("HEADWATER_").lower() for name in environment if name.startswith("HEADWATER_")}


def test_the_broker_is_the_version_that_is_tested() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_all_images_are_pinned() -> None:
    for service in SERVICES.values():
        assert re.fullmatch(r"[a-z/-]+:v?\d[\d.]*", service["image"]), service["image"]
    assert SERVICES["worker"]["image"] == f"headwater:{PROJECT['version']}"


@pytest.mark.parametrize("name", OWN)
def test_settings_exist_and_take_the_values(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = SERVICES[name]["environment"]
    assert setting_names(environment) <= set(Settings.model_fields)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)))
    assert Settings().brokers == "kafka:19092"


@pytest.mark.parametrize("name", OWN)
def test_commands_exist(name: str) -> None:
    group: Any = typer.main.get_command(main.app)
    for word in SERVICES[name]["command"]:
        assert word in group.commands, f"headwater {' '.join(SERVICES[name]['command'])} does not exist"
        group = group.commands[word]


def test_a_worker_can_be_scaled() -> None:
    worker = SERVICES["worker"]
    assert "ports" not in worker and "container_name" not in worker and "hostname" not in worker
    assert "HEADWATER_WORKER_ID" not in worker["environment"], "a static member id must differ between workers"
    for volume in worker["volumes"]:
        assert ":" not in volume, "two workers must not share a state folder"


def test_state_goes_to_the_workers_volume() -> None:
    (volume,) = SERVICES["worker"]["volumes"]
    for variable in ("HEADWATER_STATE_DIR", "NUMBA_CACHE_DIR"):
        (value,) = re.findall(rf"{variable}=(\S+)", instructions("ENV")[-1])
        assert Path(value).is_relative_to(volume), "the rest of the container is read only"


def test_brokers_are_where_the_broker_says_that_it_is() -> None:
    kafka = SERVICES["kafka"]["environment"]
    advertised = dict(entry.split("://") for entry in kafka["KAFKA_ADVERTISED_LISTENERS"].split(","))
    listened = dict(entry.split("://:") for entry in kafka["KAFKA_LISTENERS"].split(","))
    assert advertised["INTERNAL"] == SERVICES["worker"]["environment"]["HEADWATER_BROKERS"] == "kafka:19092"
    assert advertised["INTERNAL"].endswith(f":{listened['INTERNAL']}")
    assert SERVICES["kafka"]["ports"] == [f"127.0.0.1:{listened['HOST']}:{listened['HOST']}"]
    assert kafka["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"1@kafka:{listened['CONTROLLER']}"
    protocols = {entry.split(":")[0] for entry in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")}
    assert protocols == set(listened)
    assert f"localhost:{listened['HOST']}" in SERVICES["kafka"]["healthcheck"]["test"]


def test_kafka_keeps_its_data_in_a_volume() -> None:
    directory = SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"]
    assert f"kafka-data:{directory}" in SERVICES["kafka"]["volumes"]
    assert len(SERVICES["kafka"]["environment"]["CLUSTER_ID"]) == 22  # a base64 UUID, as Kafka wants it


def test_volumes_and_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_file()
            elif ":" in volume:
                assert source in COMPOSE["volumes"]


def test_dependencies_are_services_and_the_topics_come_first() -> None:
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]
    assert SERVICES["worker"]["depends_on"] == {"topics": {"condition": "service_completed_successfully"}}
    assert SERVICES["topics"]["restart"] == "no"


def test_every_server_has_a_health_check() -> None:
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (service["restart"] != "no"), name
    probe = SERVICES["worker"]["healthcheck"]["test"][-1]
    compile(probe, "healthcheck", "exec")
    (url,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", probe)
    assert url == (str(PORT), "/healthz") and "/healthz" in PAGES


def test_only_loopback_ports_are_published() -> None:
    for service in SERVICES.values():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")


def test_the_grace_is_what_the_documentation_says() -> None:
    assert SERVICES["worker"]["stop_grace_period"] == "30s"
    assert "30 s" in (ROOT / "docs/operations.md").read_text()


def test_prometheus_scrapes_the_workers_pages() -> None:
    (job,) = [job for job in PROMETHEUS["scrape_configs"] if job["job_name"] == "headwater"]
    (discovery,) = job["dns_sd_configs"]
    assert discovery["port"] == PORT == SERVICES["worker"]["environment"]["HEADWATER_HTTP_PORT"]
    assert job["metrics_path"] in PAGES
    assert set(discovery["names"]) <= set(SERVICES)
    assert f"EXPOSE {PORT}" in DOCKERFILE


def test_the_build_names_what_exists() -> None:
    for name in OWN:
        build = SERVICES[name]["build"]
        assert (ROOT / build["dockerfile"]).is_file()
        assert set(build["args"]) <= {argument.split("=")[0] for argument in instructions("ARG")}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for copied in instructions("COPY"):
        if "--from" in copied:
            continue
        for source in copied.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, f"{source} does not reach the build"


def test_packages_that_are_copied_are_all_that_there_are() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    copied = {copied.split()[0] for copied in instructions("COPY") if "--from" not in copied}
    assert {name.rstrip("*") for name in tool} <= copied


def test_extras_and_scripts_exist() -> None:
    (extras,) = re.findall(r'pip install "\.\[([\w,]+)\]"', DOCKERFILE)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    assert instructions("ENTRYPOINT") == ['["headwater"]'] and "headwater" in PROJECT["scripts"]
    (torch,) = re.findall(r'"(torch[^"]+)"', DOCKERFILE)
    assert torch in PROJECT["optional-dependencies"]["llm"]


def test_the_image_runs_as_a_user_without_rights() -> None:
    last = DOCKERFILE.rindex("FROM ")
    assert re.search(r"^USER 10001:10001$", DOCKERFILE[last:], re.MULTILINE)
    assert "USER root" not in DOCKERFILE


def test_settings_of_the_image_exist() -> None:
    names = {name.lower() for name in re.findall(r"HEADWATER_([A-Z_]+)=", DOCKERFILE)}
    assert names and names <= set(Settings.model_fields)


def test_the_python_of_the_image_is_supported() -> None:
    versions = {re.fullmatch(r"python:3\.(\d+)-slim( AS build)?", line)[1] for line in instructions("FROM")}  # type: ignore[index]
    assert len(versions) == 1
    assert int(versions.pop()) >= int(PROJECT["requires-python"].removeprefix(">=3."))


def test_no_registry_host_is_named() -> None:
    for line in DOCKERFILE.splitlines():
        assert "://" not in line or line.lstrip().startswith("#")
    for argument in instructions("ARG"):
        if "INDEX" in argument:
            assert argument.endswith('=""')
