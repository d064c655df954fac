"""The shipped alert rules name what exists, ask for counters as rates, and are in the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.metrics import Metrics

ROOT = Path(__file__).parents[2]
(GROUP,) = yaml.safe_load((ROOT / "deploy/alerts.yml").read_text())["groups"]
RULES: list[dict[str, Any]] = GROUP["rules"]
DEFINITIONS = {definition.name: definition for definition in Metrics().registry.definitions}
METRIC = re.compile(r"headwater_[a-z_]+")


def family(name: str) -> str:
    return name if name in DEFINITIONS else re.sub(r"_(bucket|count|sum)$", "", name)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_metrics_and_labels_exist(rule: dict[str, Any]) -> None:
    for name, selected in re.findall(r"(headwater_[a-z_]+)(?:\{([^}]*)\})?", rule["expr"]):
        labels = {label.name: {label.text(v) for v in label.values} for label in DEFINITIONS[family(name)].labels}
        for label, values in re.findall(r'(\w+)=~?"([^"]*)"', selected):
            assert set(values.split("|")) <= labels[label]
    for text in rule["annotations"].values():
        assert {family(name) for name in METRIC.findall(text)} <= DEFINITIONS.keys()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_counters_are_read_as_rates(rule: dict[str, Any]) -> None:
    """A restart sets them to 0."""
    rates = re.findall(r"\b(?:rate|increase)\((headwater_[a-z_]+)(?:\{[^}]*\})?\[\w+\]\)", rule["expr"])
    counted = [name for name in METRIC.findall(rule["expr"]) if DEFINITIONS[family(name)].kind != "gauge"]
    assert sorted(rates) == sorted(counted)


def test_every_rule_says_what_to_do_and_how_bad_it_is() -> None:
    for rule in RULES:
        assert set(rule["annotations"]) == {"summary", "action"}
        assert rule["labels"]["severity"] in {"critical", "warning"}


def test_the_documentation_has_every_rule() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    assert re.findall(r"^\| `(Headwater\w+)` \|", text, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_prometheus_loads_them() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())
    assert config["rule_files"] == ["alerts.yml"]
    volumes = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["prometheus"]["volumes"]
    assert "./deploy/alerts.yml:/etc/prometheus/alerts.yml:ro" in volumes
