"""The model's process: ready, hung, raising, dying, missing; nothing of it blocks the loop or is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from operators.narration.prompt import Prompt
from streams.model.backend import create_backend
from streams.model.circuit_breaker import CircuitBreaker
from streams.model.model_state import ModelError, ModelNotReady, ModelTimeout, Phase
from streams.model.process import ModelProcess, ProcessOptions
from streams.model.text_backend import BackendUnavailable
from tests.backends import GOOD_CLAUSE
from tests.model_process import settled

PROMPTS = [Prompt("", f"prompt {n}", "") for n in range(3)]
QUICK = ProcessOptions(load_timeout=20, hang_timeout=0.6, restart_pause=0.1, open_pause=0.4)


def scenario(
    backend: str, body: Callable[[ModelProcess], Coroutine[Any, Any, None]], options: ProcessOptions = QUICK
) -> list[str]:
    """Run ``body`` with a settled model process; returns the kinds of failure that were reported."""
    failures: list[str] = []

    async def run() -> None:
        process = ModelProcess(f"tests.backends:{backend}", Path(), options, failures.append)
        process.start()
        await settled(process)
        pid = process.pid
        try:
            await body(process)
        finally:
            await process.stop()
        assert pid is None or not alive(pid)
        assert process.state.phase is Phase.STOPPED and process.pid is None

    asyncio.run(run())
    return failures


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "condition not met"
        await asyncio.sleep(0.02)


def test_a_good_model_answers_in_order_and_its_rate_is_measured() -> None:
    async def body(process: ModelProcess) -> None:
        assert process.state.phase is Phase.READY and process.state.model == "good-test-model"
        results = await process.generate(PROMPTS, 5)
        assert [result.text for result in results] == [GOOD_CLAUSE] * 3
        assert process.rate > 1

    assert scenario("Good", body) == []


def test_what_a_library_prints_does_not_break_the_protocol() -> None:
    async def body(process: ModelProcess) -> None:
        assert len(await process.generate(PROMPTS, 5)) == 3
        assert len(await process.generate(PROMPTS, 5)) == 3

    assert scenario("Printing", body) == []


def test_a_hung_model_misses_deadlines_without_blocking_and_is_replaced() -> None:
    async def body(process: ModelProcess) -> None:
        first = process.pid
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        started = time.monotonic()
        with pytest.raises(ModelTimeout):
            await process.generate(PROMPTS, 0.2)
        assert time.monotonic() - started < 0.5
        await until(lambda: process.pid is not None and process.pid != first and process.state.phase is Phase.READY)
        ticking.cancel()
        assert ticks > 30
        assert first is not None and not alive(first)

    assert scenario("Hanging", body) == ["hang"]


def test_a_model_that_hung_once_works_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_TEST_MARK", str(tmp_path / "mark"))

    async def body(process: ModelProcess) -> None:
        with pytest.raises(ModelError):
            await process.generate(PROMPTS, 5)
        await until(lambda: process.state.phase is Phase.READY)
        assert len(await process.generate(PROMPTS, 5)) == 3

    assert scenario("HangingOnce", body) == ["hang"]


def test_a_model_that_keeps_hanging_is_left_alone_for_a_while() -> None:
    async def body(process: ModelProcess) -> None:
        for _ in range(2):
            await until(lambda: process.state.phase is Phase.READY)
            with pytest.raises((ModelError, ModelTimeout)):
                await process.generate(PROMPTS, 5)
        await until(lambda: process.state.phase is Phase.OPEN)
        assert process.rate == 0
        with pytest.raises(ModelNotReady):
            await process.generate(PROMPTS, 5)

    options = ProcessOptions(hang_timeout=0.3, restart_pause=0.05, failures_to_open=2, open_pause=30)
    assert scenario("Hanging", body, options) == ["hang", "hang"]


def test_a_raising_model_is_reported_and_the_breaker_opens_and_half_opens() -> None:
    async def body(process: ModelProcess) -> None:
        pid = process.pid
        for _ in range(3):
            with pytest.raises(ModelError, match="out of memory"):
                await process.generate(PROMPTS, 5)
        assert process.state.phase is Phase.OPEN and process.pid == pid
        with pytest.raises(ModelNotReady):
            await process.generate(PROMPTS, 5)
        await asyncio.sleep(0.5)
        with pytest.raises(ModelError):
            await process.generate(PROMPTS, 5)
        assert process.state.phase is Phase.OPEN

    assert scenario("Raising", body) == ["error"] * 4


def test_too_few_results_are_an_error() -> None:
    async def body(process: ModelProcess) -> None:
        with pytest.raises(ModelError, match="0 results for 3 prompts"):
            await process.generate(PROMPTS, 5)

    assert scenario("TooFew", body) == ["error"]


def test_junk_bytes_and_half_characters_come_back_as_text_or_error() -> None:
    async def body(process: ModelProcess) -> None:
        with pytest.raises(ModelError):
            await process.generate(PROMPTS, 5)  # a lone surrogate cannot travel: reported, not fatal
        results = await process.generate(PROMPTS[:2], 5)
        assert "Oscars" in results[0].text

    scenario("Junk", body)


def test_a_dying_model_is_started_again() -> None:
    async def body(process: ModelProcess) -> None:
        with pytest.raises(ModelError, match="139"):
            await process.generate(PROMPTS, 5)
        await until(lambda: process.state.phase is Phase.READY)

    assert scenario("Dying", body) == ["crash"]


def test_a_model_killed_while_idle_is_started_again() -> None:
    async def body(process: ModelProcess) -> None:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: process.state.phase is Phase.RESTARTING)
        await until(lambda: process.state.phase is Phase.READY)
        assert len(await process.generate(PROMPTS, 5)) == 3

    assert scenario("Good", body) == ["crash"]


def test_a_missing_model_says_what_to_do_and_is_not_tried_again() -> None:
    async def body(process: ModelProcess) -> None:
        assert process.state.phase is Phase.FAILED and "headwater fetch smollm2" in process.state.reason
        with pytest.raises(ModelNotReady):
            await process.generate(PROMPTS, 5)

    assert scenario("Missing", body) == ["unavailable"]
    assert scenario("NotThere", body_failed_import) == ["unavailable"]


async def body_failed_import(process: ModelProcess) -> None:
    assert process.state.phase is Phase.FAILED and "NotThere" in process.state.reason


def test_a_model_that_never_loads_is_killed() -> None:
    async def body(process: ModelProcess) -> None:
        assert process.state.phase is Phase.RESTARTING

    failures = scenario("HangingInLoad", body, ProcessOptions(load_timeout=0.5, restart_pause=5))
    assert failures == ["hang"]


def test_requests_wait_in_line_up_to_its_length() -> None:
    async def body(process: ModelProcess) -> None:
        waiting = [asyncio.create_task(process.generate(PROMPTS, 10)) for _ in range(12)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        answered = [outcome for outcome in outcomes if isinstance(outcome, list)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, ModelNotReady)]
        assert len(answered) + len(refused) == 12 and 2 <= len(answered) <= 4 and refused

    options = ProcessOptions(hang_timeout=5, queue_length=3)
    assert scenario("Slow", body, options) == []


def test_a_request_that_waits_beyond_its_deadline_does_not_hold_up_the_one_before() -> None:
    async def body(process: ModelProcess) -> None:
        first = asyncio.create_task(process.generate(PROMPTS, 5))
        await asyncio.sleep(0)
        with pytest.raises(ModelTimeout):
            await process.generate(PROMPTS, 0.2)  # waits behind it and is dropped in line
        assert len(await first) == 3

    assert scenario("Slow", body) == []


def test_stopping_in_the_middle_of_a_request_does_not_wait_for_it() -> None:
    async def run() -> float:
        process = ModelProcess("tests.backends:Hanging", Path())
        process.start()
        await settled(process)
        asking = asyncio.create_task(process.generate(PROMPTS, 60))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await process.stop()
        with pytest.raises((ModelError, ModelNotReady)):
            await asking
        return time.monotonic() - started

    assert asyncio.run(run()) < 2


def test_the_model_dies_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from streams.model.model_state import Phase\n"
        "from streams.model.process import ModelProcess\n"
        "from operators.narration.prompt import Prompt\n"
        "async def main():\n"
        "    process = ModelProcess('tests.backends:Hanging', Path())\n"
        "    process.start()\n"
        "    while process.state.phase is Phase.LOADING:\n"
        "        await asyncio.sleep(0.02)\n"
        "    print(process.pid, flush=True)\n"
        "    await process.generate([Prompt('', '', '')], 60)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[2]
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=root, text=True)
    assert worker.stdout is not None
    pid = int(worker.stdout.readline())
    time.sleep(0.3)
    assert alive(pid)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)


def test_backends_are_found_by_name() -> None:
    for specification in ("nonsense", "no.such.module:Thing", "tests.backends:Nothing"):
        with pytest.raises(BackendUnavailable, match="HEADWATER_MODEL_BACKEND"):
            create_backend(specification, Path())
    with pytest.raises(BackendUnavailable, match="frames and templates"):
        create_backend("none", Path())


def test_the_breaker_opens_pauses_and_pauses_longer() -> None:
    breaker = CircuitBreaker(threshold=2, pause=10, longest_pause=25)
    breaker.failed(0)
    assert breaker.allows(0)
    breaker.failed(1)
    assert not breaker.allows(10.9) and breaker.is_open(10.9)
    assert breaker.allows(11) and not breaker.allows(11)
    breaker.failed(12)
    assert not breaker.allows(31.9) and breaker.allows(32)
    breaker.failed(33)
    assert not breaker.allows(57.9) and breaker.allows(58)
    breaker.succeeded()
    assert breaker.allows(59) and breaker.allows(59) and not breaker.is_open(59)


def test_a_trial_that_is_never_made_does_not_keep_the_breaker_open() -> None:
    breaker = CircuitBreaker(threshold=1, pause=10)
    breaker.failed(0)
    assert breaker.allows(10) and not breaker.allows(19.9) and breaker.allows(20)
