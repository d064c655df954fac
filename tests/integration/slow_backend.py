"""A language model that takes three seconds a request: ``tests.integration.slow_backend:ThreeSeconds``."""

from __future__ import annotations

import time
from collections.abc import Sequence

from operators.narration.prompt import Prompt
from streams.model.text_backend import Generated
from tests.backends import Good

SECONDS = 3.0


class ThreeSeconds(Good):
    """The good clause, three seconds later."""

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """All prompts of a request at once."""
        time.sleep(SECONDS)
        return super().generate(prompts, max_new_tokens)
