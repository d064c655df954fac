"""Runs the language model in its own process, so that it can neither stall nor crash the stream.

The model works on one request at a time, others wait in a queue; every caller has its own deadline. A model that does
not answer within ``hang_timeout`` is killed and started again, with growing pauses. One that keeps failing is not
asked for a while (`CircuitBreaker`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from operators.narration.prompt import Prompt
from streams.model import wire
from streams.model.child import Child, Crashed, Hung, Unavailable
from streams.model.circuit_breaker import CircuitBreaker
from streams.model.model_state import ModelError, ModelNotReady, ModelState, ModelTimeout, Phase
from streams.model.text_backend import Generated

log = logging.getLogger(__name__)

MAX_NEW_TOKENS = 24
"""The most tokens of a clause."""

FIRST_RATE = 1.0
"""Texts a second: the assumed rate of a model before its first text."""


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """Times (in seconds) and limits of the model process."""

    load_timeout: float = 180.0
    hang_timeout: float = 10.0
    restart_pause: float = 1.0
    longest_restart_pause: float = 60.0
    failures_to_open: int = 3
    open_pause: float = 15.0
    queue_length: int = 8


DEFAULT_OPTIONS = ProcessOptions()


@dataclass(slots=True)
class _Job:
    prompts: list[Prompt]
    give_up_at: float
    answer: asyncio.Future[list[Generated]]


class ModelProcess:
    """Starts, feeds, watches and ends one model process. Use from one event loop."""

    def __init__(
        self,
        backend: str,
        cache_dir: Path,
        options: ProcessOptions = DEFAULT_OPTIONS,
        on_failure: Callable[[str], None] = lambda kind: None,
    ) -> None:
        """``backend`` and ``cache_dir`` as for `create_backend`.

        ``on_failure`` gets ``hang``, ``error``, ``crash`` or ``unavailable``.
        """
        self._backend = backend
        self._cache_dir = cache_dir
        self._options = options
        self._on_failure = on_failure
        self._breaker = CircuitBreaker(self._options.failures_to_open, self._options.open_pause)
        self._state = ModelState(Phase.STOPPED)
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(self._options.queue_length)
        self._supervisor: asyncio.Task[None] | None = None
        self._child: Child | None = None
        self._ending: asyncio.Future[None] | None = None
        self._starts_failed = 0
        self._rate = 0.0

    @property
    def state(self) -> ModelState:
        """The model's state; ``open`` while calls are refused after repeated failures."""
        if self._state.phase is Phase.READY and self._breaker.is_open(time.monotonic()):
            return ModelState(Phase.OPEN, "left alone for a while after repeated failures", self._state.model)
        return self._state

    @property
    def rate(self) -> float:
        """Texts a second that the model writes (moving average); 0 where it is not ready."""
        return (self._rate or FIRST_RATE) if self.state.phase is Phase.READY else 0.0

    @property
    def queue_depth(self) -> int:
        """Requests waiting in line."""
        return self._jobs.qsize()

    @property
    def pid(self) -> int | None:
        """Process id of the running model process."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Begin to start the process; returns at once. A second call does nothing."""
        if self._supervisor is None:
            self._state = ModelState(Phase.LOADING)
            self._supervisor = asyncio.get_running_loop().create_task(self._supervise(), name="model-process")

    async def stop(self) -> None:
        """End the process and wait until it is gone; requests in line fail with `ModelNotReady`."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None
        if self._ending is not None:
            await self._ending
        self._state = ModelState(Phase.STOPPED)
        self._refuse_waiting("the model was stopped")

    async def generate(self, prompts: Sequence[Prompt], deadline_s: float) -> list[Generated]:
        """Continuations of the prompts, in order.

        Raises `ModelTimeout` after ``deadline_s`` seconds (a request that still waits is dropped then), `ModelNotReady`
        at once if the model is not running or the queue is full, `ModelError` if the backend failed.
        """
        if self._state.phase is not Phase.READY:
            raise ModelNotReady(f"the model is {self._state.phase}: {self._state.reason}")
        if not self._breaker.allows(time.monotonic()):
            raise ModelNotReady("the model failed repeatedly and is left alone for a while")
        answer: asyncio.Future[list[Generated]] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_mark_as_seen)
        try:
            self._jobs.put_nowait(_Job(list(prompts), time.monotonic() + deadline_s, answer))
        except asyncio.QueueFull:
            raise ModelNotReady("too many requests wait for the model") from None
        done, _ = await asyncio.wait((answer,), timeout=deadline_s)
        if not done:
            raise ModelTimeout(f"no answer within {deadline_s:g} s")
        return answer.result()

    async def _supervise(self) -> None:
        """Start the process, serve until it fails, pause, start again; ends where the backend can never run."""
        try:
            while await self._run_once():
                self._refuse_waiting(self._state.reason)
                await asyncio.sleep(self._next_pause())
        except Exception as error:
            log.exception("the language model is given up")
            self._state = ModelState(Phase.FAILED, f"{type(error).__name__}: {error}")
            self._refuse_waiting(str(error))

    async def _run_once(self) -> bool:
        """Start the process and serve until it fails; returns whether to start it again."""
        child = self._child = Child()
        try:
            model = await child.start(self._backend, self._cache_dir, self._options.load_timeout)
            log.info("language model %s is ready", model)
            self._state = ModelState(Phase.READY, model=model)
            await self._serve(child)
        except Unavailable as error:
            self._fail("unavailable", ModelState(Phase.FAILED, str(error)), level=logging.INFO)
            self._refuse_waiting(str(error))
            return False
        except Hung as error:
            self._fail("hang", ModelState(Phase.RESTARTING, str(error)))
        except Crashed as error:
            self._fail("crash", ModelState(Phase.RESTARTING, str(error)))
        finally:
            await self._end(child)
        return True

    async def _serve(self, child: Child) -> None:
        """Pass requests on, one by one. Raises `Hung` or `Crashed` when the process has to be replaced."""
        while True:
            job = await self._next_job(child)
            if job.answer.done() or time.monotonic() >= job.give_up_at:
                _set_error(job, ModelTimeout("the deadline passed while the request waited in line"))
                continue
            begun = time.monotonic()
            try:
                reply = await child.ask(job.prompts, MAX_NEW_TOKENS, self._options.hang_timeout)
            except (Hung, Crashed, asyncio.CancelledError) as error:
                _set_error(job, ModelError(str(error) or "the model was stopped"))
                raise
            self._answer(job, reply, time.monotonic() - begun)

    async def _next_job(self, child: Child) -> _Job:
        """The next request; notices a process that dies while there is none."""
        job = asyncio.ensure_future(self._jobs.get())
        death = asyncio.ensure_future(child.ended())
        try:
            await asyncio.wait((job, death), return_when=asyncio.FIRST_COMPLETED)
            if job.done():
                return job.result()
            raise Crashed(f"the model process ended with status {death.result()}")
        finally:
            job.cancel()
            death.cancel()

    def _answer(self, job: _Job, reply: wire.Reply, seconds: float) -> None:
        problem = reply.error
        if problem is None and len(reply.results) != len(job.prompts):
            problem = f"{len(reply.results)} results for {len(job.prompts)} prompts"
        if problem is not None:
            self._breaker.failed(time.monotonic())
            self._on_failure("error")
            log.warning("the language model failed: %s", problem)
            _set_error(job, ModelError(problem))
            return
        self._breaker.succeeded()
        self._starts_failed = 0
        rate = len(job.prompts) / max(seconds, 1e-3)
        self._rate = rate if self._rate == 0 else 0.8 * self._rate + 0.2 * rate
        if not job.answer.done():
            job.answer.set_result(reply.results)

    def _fail(self, kind: str, state: ModelState, level: int = logging.WARNING) -> None:
        self._breaker.failed(time.monotonic())
        self._starts_failed += 1
        self._state = state
        self._on_failure(kind)
        log.log(level, "language model: %s", state.reason)

    def _next_pause(self) -> float:
        """Seconds until the next start, doubling with each failure."""
        doubled = self._options.restart_pause * 2.0 ** (self._starts_failed - 1)
        return min(doubled, self._options.longest_restart_pause)

    def _refuse_waiting(self, reason: str) -> None:
        while not self._jobs.empty():
            _set_error(self._jobs.get_nowait(), ModelNotReady(reason))

    async def _end(self, child: Child) -> None:
        """End the process, even if the caller is cancelled meanwhile (`stop` waits for it)."""
        self._ending = asyncio.ensure_future(child.end())
        await asyncio.shield(self._ending)


def _set_error(job: _Job, error: Exception) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)


def _mark_as_seen(answer: asyncio.Future[list[Generated]]) -> None:
    """Retrieve the exception, since asyncio warns of one that nobody retrieved: the caller may have given up."""
    if not answer.cancelled():
        answer.exception()
