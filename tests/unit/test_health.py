"""Liveness and readiness, with a clock that the test turns."""

from __future__ import annotations

import asyncio
import time

from streams.worker.health import Check, Health, Scope
from tests.clocks import TurnedClock


def test_a_new_worker_lives_and_is_not_ready() -> None:
    health = Health(("recovery", "broker"))
    assert health.liveness().ok
    assert set(health.readiness().failing) == {"start", "recovery", "broker"}
    health.started()
    health.set("recovery", True)
    assert set(health.readiness().failing) == {"broker"}
    health.set("broker", True)
    assert health.readiness().ok


def test_without_any_check_a_worker_is_not_ready() -> None:
    assert not Health().readiness().ok


def test_an_event_loop_that_stands_still_fails_both_pages_in_words() -> None:
    clock = TurnedClock()
    health = Health(heartbeat_timeout=20, clock=clock)
    health.started()
    clock.turn(19)
    assert health.liveness().ok and health.readiness().ok
    clock.turn(2)
    assert "the event loop has not turned for 21 s" in health.liveness().text()
    assert set(health.readiness().failing) == {"event loop"}
    health.beat()
    assert health.liveness().ok


def test_a_lost_broker_fails_readiness_only_and_comes_back() -> None:
    health = Health()
    health.started()
    health.set("broker", False, "no broker answers at 127.0.0.1:9092")
    assert health.liveness().ok
    report = health.readiness()
    assert not report.ok
    assert "no broker answers at 127.0.0.1:9092" in report.text()
    assert report.json()["failing"] == ["broker"]
    health.set("broker", True)
    assert health.readiness().ok


def test_a_crashed_agent_fails_liveness() -> None:
    health = Health()
    health.started()
    health.set("stage profiles", False, "its agent ended with KeyError", scope=Scope.LIVENESS)
    assert set(health.liveness().failing) == set(health.readiness().failing) == {"stage profiles"}
    assert health.liveness().text().startswith("failing: stage profiles\nFAILING  stage profiles: its agent ended")


def test_a_check_that_cannot_be_made_is_failing() -> None:
    health = Health()
    health.started()

    def broken() -> Check:
        raise ConnectionError("no route")

    health.register("broker", broken)
    assert health.readiness().checks["broker"] == Check(False, "the check itself failed: ConnectionError: no route")


def test_a_registered_check_is_asked_each_time() -> None:
    health, answers = Health(), [Check(True), Check(False, "stalled")]
    health.started()
    health.register("commits", lambda: answers.pop(0))
    assert health.readiness().ok
    assert not health.readiness().ok


async def _beats(health: Health, clock: TurnedClock) -> float:
    task = asyncio.create_task(health.heartbeat(0.01))
    clock.turn(100)
    await asyncio.sleep(0.05)
    alive = health.liveness().ok
    task.cancel()
    return alive


def test_the_heartbeat_task_keeps_a_worker_alive() -> None:
    clock = TurnedClock()
    health = Health(heartbeat_timeout=20, clock=clock)
    assert asyncio.run(_beats(health, clock))


def test_real_time_is_used_by_default() -> None:
    health = Health(heartbeat_timeout=0.02)
    time.sleep(0.05)
    assert not health.liveness().ok
