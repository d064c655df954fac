"""Live text of one worker: the model's process, the cache of its sentences, and the admission of records."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence

from operators.narration.check_rules import CheckRule
from operators.narration.checker import KnownTitles, check
from operators.narration.narrate import Narration
from operators.narration.prompt import PROMPT_VERSION, can_write_live, prompt_for
from schemas.facts import Facts
from schemas.recommendation import TextSource
from streams.metrics import Metrics, ModelFailure, ModelHealth
from streams.model.admission import Admission, Priority
from streams.model.model_state import ModelError, ModelNotReady, ModelTimeout, Phase
from streams.model.process import ModelProcess, ProcessOptions
from streams.settings import Settings

CACHE_SENTENCES = 10_000
MIN_MEAN_LOGPROB = -4.0
"""A sentence whose mean log-probability per token (in nats) is lower is refused: the model must be broken."""
MICRO_BATCH = 8
"""The most sentences that the model writes at once."""
HANG_TIMEOUT = 10.0
"""Seconds after which the model is killed, or twice the deadline of drafts where that is longer."""

_SHOWN = {
    Phase.STOPPED: ModelHealth.NONE,
    Phase.LOADING: ModelHealth.LOADING,
    Phase.READY: ModelHealth.READY,
    Phase.RESTARTING: ModelHealth.RESTARTING,
    Phase.OPEN: ModelHealth.BROKEN,
    Phase.FAILED: ModelHealth.BROKEN,
}


class LiveNarration:
    """Writes checked sentences with the language model. Raises none of its errors: the text is None instead."""

    def __init__(self, settings: Settings, metrics: Metrics, known_titles: KnownTitles | None = None) -> None:
        """``known_titles`` lets the checker refuse a sentence that names another item of the catalogue."""
        self._metrics = metrics
        self._known_titles = known_titles
        self._remote_rate = settings.narrator_rate
        self._off = settings.model_backend == "none"
        options = ProcessOptions(hang_timeout=max(HANG_TIMEOUT, 2 * settings.draft_deadline))
        self.process = ModelProcess(settings.model_backend, settings.cache_dir, options, self._count_failure)
        self._admission = Admission(settings.live_share)
        self._cache: OrderedDict[tuple[str, ...], str] = OrderedDict()

    def start(self) -> None:
        """Begin to load the model; returns at once."""
        if not self._off:
            self.process.start()
        self.show()

    async def stop(self) -> None:
        """End the model's process."""
        await self.process.stop()

    def show(self) -> None:
        """Set the metrics of the model's state and queue."""
        self._metrics.show_model_state(_SHOWN[self.process.state.phase])
        self._metrics.narrator_queue.of().set(self.process.queue_depth)

    def _count_failure(self, kind: str) -> None:
        self._metrics.model_failures.of(ModelFailure(kind)).add()

    @property
    def model(self) -> str | None:
        """Name of the model that writes."""
        return self.process.state.model or None

    def admits(self, facts: Facts, priority: Priority) -> bool:
        """Whether this record is worth a draft now."""
        rate = self._remote_rate or self.process.rate
        return rate > 0.0 and can_write_live(facts) and self._admission.admits(priority, rate, time.monotonic())

    async def write(self, facts: Sequence[Facts], deadline: float) -> list[Narration | None]:
        """Sentences in order, None where the model wrote none that passes in time (``deadline``: monotonic seconds)."""
        texts: list[Narration | None] = [self._cached(each) for each in facts]
        wanted = [n for n, text in enumerate(texts) if text is None]
        for start in range(0, len(wanted), MICRO_BATCH):
            places = wanted[start : start + MICRO_BATCH]
            for place, text in zip(places, await self._generate([facts[p] for p in places], deadline), strict=True):
                texts[place] = text
        return texts

    async def _generate(self, facts: Sequence[Facts], deadline: float) -> list[Narration | None]:
        prompts = [prompt_for(each) for each in facts]
        asked = [prompt for prompt in prompts if prompt is not None]
        left, started = deadline - time.monotonic(), time.monotonic()
        if not asked or left <= 0:
            self._metrics.deadline_misses.of().add(len(asked))
            return [None] * len(facts)
        try:
            answers = iter(await self.process.generate(asked, left))
        except ModelTimeout:
            self._metrics.deadline_misses.of().add(len(asked))
            return [None] * len(facts)
        except (ModelNotReady, ModelError):
            return [None] * len(facts)
        self._metrics.text_seconds.of().observe(time.monotonic() - started, len(asked))
        texts: list[Narration | None] = []
        for each, prompt in zip(facts, prompts, strict=True):
            answer = None if prompt is None else next(answers)
            texts.append(
                None
                if prompt is None or answer is None
                else self._checked(each, prompt.skeleton, answer.text, answer.mean_logprob)
            )
        return texts

    def _checked(self, facts: Facts, skeleton: str, clause: str, mean_logprob: float) -> Narration | None:
        sentence = f"{skeleton.rstrip()} {clause.strip()}"
        violations = list(check(sentence, facts, self._known_titles))
        if mean_logprob < MIN_MEAN_LOGPROB:
            violations.append(CheckRule.UNLIKELY)
        for rule in violations:
            self._metrics.checker_rejections.of(rule).add()
        if violations:
            return None
        self._cache[self._key(facts)] = sentence
        if len(self._cache) > CACHE_SENTENCES:
            self._cache.popitem(last=False)
        return Narration(sentence, TextSource.LLM)

    def _cached(self, facts: Facts) -> Narration | None:
        sentence = self._cache.get(self._key(facts))
        return None if sentence is None else Narration(sentence, TextSource.LLM)

    def _key(self, facts: Facts) -> tuple[str, ...]:
        named = (facts.anchor_title or "", facts.query or "", facts.title or "", *facts.categories)
        asked = (facts.locale, facts.domain.value, facts.kind.value, str(facts.liked), facts.item_key)
        return (self.model or "", PROMPT_VERSION, *asked, *named)
