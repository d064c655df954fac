"""Live sentences: cache, one line of micro-batches before the model, and the checker behind it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from operators.narration.check_rules import CheckRule
from operators.narration.checker import KnownTitles, check
from operators.narration.facts import Facts, Text
from operators.narration.prompt import Prompt, prompt_for
from schemas.recommendation import TextSource

from .backend import Generated
from .cache import CacheKey, TextCache
from .process import ModelError, ModelNotReady, ModelProcess

MIN_MEAN_LOGPROB = -2.2
"""Less likely clauses read worse: measured on film facts, see `docs`."""

MAX_BATCH = 8
MAX_WAITING = 64
_DEADLINE_SHARE = 0.8


class Outcome(StrEnum):
    """What became of one request for a live sentence."""

    WRITTEN = "written"
    CACHED = "cached"
    REJECTED = "rejected"
    UNLIKELY = "unlikely"
    LATE = "late"
    NOT_READY = "not_ready"
    FAILED = "failed"
    UNSUITED = "unsuited"


@dataclass(slots=True, eq=False)
class _Wanted:
    facts: Facts
    prompt: Prompt
    key: CacheKey
    give_up_at: float
    text: asyncio.Future[Text | None]


class LiveWriter:
    """Writes sentences with the model of ``process``; never raises for what the model does. Use from one event loop."""

    def __init__(
        self,
        process: ModelProcess,
        cache: TextCache | None = None,
        *,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
        on_rejected: Callable[[CheckRule], None] = lambda rule: None,
        known_titles: KnownTitles | None = None,
        max_batch: int = MAX_BATCH,
    ) -> None:
        """``on_outcome`` is called once a request, ``on_rejected`` once a broken rule (for the metrics)."""
        self._process = process
        self._cache = cache if cache is not None else TextCache()
        self._on_outcome = on_outcome
        self._on_rejected = on_rejected
        self._known_titles = known_titles
        self._max_batch = max_batch
        self._waiting: deque[_Wanted] = deque()
        self._pump: asyncio.Task[None] | None = None

    @property
    def model(self) -> str | None:
        """Name of the model, for ``language_model`` of the record; None while none is loaded."""
        return self._process.state.model or None

    @property
    def waiting(self) -> int:
        """Sentences in line for the model."""
        return len(self._waiting)

    async def write(self, facts: Sequence[Facts], deadline_s: float) -> list[Text | None]:
        """A checked sentence for each of the facts, None where there is none within ``deadline_s`` seconds.

        A sentence that comes too late is still kept for the next reader.
        """
        give_up_at = time.monotonic() + deadline_s
        answers = [self._begin(one, give_up_at) for one in facts]
        pending = {answer for answer in answers if isinstance(answer, asyncio.Future)}
        if pending:
            await asyncio.wait(pending, timeout=deadline_s)
        return [self._outcome(answer) if isinstance(answer, asyncio.Future) else answer for answer in answers]

    async def close(self) -> None:
        """Stop taking from the line; the model process is not touched."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        while self._waiting:
            self._waiting.popleft().text.cancel()

    def _begin(self, facts: Facts, give_up_at: float) -> asyncio.Future[Text | None] | Text | None:
        """The cached sentence, None where the model cannot help, else the place in line."""
        prompt = prompt_for(facts)
        if prompt is None:
            self._on_outcome(Outcome.UNSUITED)
            return None
        key = CacheKey.of(self.model or "", facts)
        cached = self._cache.get(key)
        if cached is not None:
            if not check(cached.text, facts, self._known_titles):
                self._on_outcome(Outcome.CACHED)
                return cached
            self._cache.discard(key)
        if self._process.rate == 0.0 or len(self._waiting) >= MAX_WAITING:
            self._on_outcome(Outcome.NOT_READY)
            return None
        text: asyncio.Future[Text | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Wanted(facts, prompt, key, give_up_at, text))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._work_off(), name="live-writer")
        return text

    def _outcome(self, answer: asyncio.Future[Text | None]) -> Text | None:
        if answer.done() and not answer.cancelled():
            return answer.result()
        self._on_outcome(Outcome.LATE)
        return None

    async def _work_off(self) -> None:
        """Feed the line to the model in batches until it is empty."""
        while self._waiting:
            batch = self._next_batch()
            if not batch:
                continue
            prompts = [wanted.prompt for wanted in batch]
            try:
                results = await self._process.submit(prompts, batch[-1].give_up_at - time.monotonic())
            except (ModelNotReady, ModelError) as error:
                outcome = Outcome.FAILED if isinstance(error, ModelError) else Outcome.NOT_READY
                for wanted in batch:
                    self._settle(wanted, None, outcome)
                continue
            for wanted, generated in zip(batch, results, strict=True):
                self._settle(wanted, *self._judge(wanted, generated))

    def _next_batch(self) -> list[_Wanted]:
        """The next in line that can still be in time, as many as the model writes before the first deadline."""
        now = time.monotonic()
        batch: list[_Wanted] = []
        while self._waiting and len(batch) < self._max_batch:
            wanted = self._waiting[0]
            seconds = (batch[0] if batch else wanted).give_up_at - now
            if batch and len(batch) >= self._process.rate * seconds * _DEADLINE_SHARE:
                break
            self._waiting.popleft()
            if seconds > 0:
                batch.append(wanted)
        return batch

    def _judge(self, wanted: _Wanted, generated: Generated) -> tuple[Text | None, Outcome]:
        """The finished sentence, checked and kept, or why there is none."""
        text = wanted.prompt.skeleton.rstrip() + " " + generated.text.strip()
        broken = check(text, wanted.facts, self._known_titles)
        for rule in broken:
            self._on_rejected(rule)
        if broken:
            return None, Outcome.REJECTED
        if generated.mean_logprob < MIN_MEAN_LOGPROB:
            return None, Outcome.UNLIKELY
        accepted = Text(text, TextSource.LLM)
        self._cache.put(wanted.key, accepted)
        return accepted, Outcome.WRITTEN

    def _settle(self, wanted: _Wanted, text: Text | None, outcome: Outcome) -> None:
        """Hand the sentence to its caller, who counts it himself where it comes too late."""
        if not wanted.text.done() and time.monotonic() < wanted.give_up_at:
            self._on_outcome(outcome)
            wanted.text.set_result(text)
