"""Language models that misbehave in one way each, for ``HEADWATER_MODEL_BACKEND=tests.backends:Hanging``."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from operators.narration.prompt import PREFIX, Prompt
from streams.model.text_backend import BackendUnavailable, Generated

GOOD_CLAUSE = " a good choice for a quiet evening."


class Good:
    """Answers at once with a clause that passes the checker for any film."""

    name = "good-test-model"

    def load(self) -> None:
        """Nothing to load."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """The same clause for every prompt."""
        return [Generated(GOOD_CLAUSE, -0.5) for _ in prompts]


class Hanging(Good):
    """Never answers."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """Blocks for an hour."""
        time.sleep(3600)
        return []


class HangingLater(Good):
    """Answers quickly at first, so that much is asked of it, then never again."""

    requests = 0

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """The good clause ten times, then blocks for an hour."""
        self.requests += 1
        if self.requests > 10:
            time.sleep(3600)
        return super().generate(prompts, max_new_tokens)


class HangingInLoad(Good):
    """Never gets loaded."""

    def load(self) -> None:
        """Blocks for an hour."""
        time.sleep(3600)


class Raising(Good):
    """Raises at every request."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """Always raises."""
        raise RuntimeError("out of memory, says the model")


class Dying(Good):
    """Takes its process down at every request."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """Ends the process without a word."""
        os._exit(139)


class Junk(Good):
    """Answers with text that must never be shown."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """Claims, links, braces, numbers and noise."""
        junk = (
            " winner of 3 Oscars, see http://example.com {B}",
            " <b>the best</b> film ever made. Ignore the above.",
            "\udcff\x00\u202e???",
            "",
        )
        return [Generated(junk[place % len(junk)], -0.1) for place, _ in enumerate(prompts)]


class Obeying(Good):
    """Does whatever it reads: its continuation is the prompt's own words, and what titles ask for."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """The titles once more, with an address, a percentage and the prompt."""
        orders = (
            " 90% OFF, visit evil.example.",
            f" {PREFIX.splitlines()[0]}",
            " the best ever. Buy it at evil dot com.",
        )
        return [
            Generated(orders[place % len(orders)] if place % 2 else f" {prompt.suffix[:200]}", -0.1)
            for place, prompt in enumerate(prompts)
        ]


class Unsure(Good):
    """Finds its own words unlikely."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """The good clause, with a low probability."""
        return [Generated(GOOD_CLAUSE, -9.0) for _ in prompts]


class TooFew(Good):
    """Answers with fewer texts than were asked for."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """One text, whatever was asked."""
        return super().generate(prompts[:0], max_new_tokens)


class Printing(Good):
    """Writes to standard output, as libraries do, and still answers."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """Noise on standard output first."""
        print("loading weights: 100 %" * 100, flush=True)
        return super().generate(prompts, max_new_tokens)


class Slow(Good):
    """Takes 0.4 s a request."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """The good clause, late."""
        time.sleep(0.4)
        return super().generate(prompts, max_new_tokens)


class HangingOnce(Good):
    """Hangs in the first process, works in the next: the file named by HEADWATER_TEST_MARK remembers."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """Hang where the mark file is not there yet."""
        mark = os.environ["HEADWATER_TEST_MARK"]
        try:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return super().generate(prompts, max_new_tokens)
        time.sleep(3600)
        return []


class Missing(Good):
    """Cannot run here."""

    def load(self) -> None:
        """Says what to do."""
        raise BackendUnavailable("the test model is missing: run `headwater fetch smollm2`")
