"""Waiting for the process of the language model."""

from __future__ import annotations

import asyncio
import time

from streams.model.model_state import ModelState, Phase
from streams.model.process import ModelProcess


async def settled(process: ModelProcess, seconds: float = 20.0) -> ModelState:
    """The state once the first loading has ended, well or not, or after ``seconds``."""
    end = time.monotonic() + seconds
    state = process.state
    while state.phase is Phase.LOADING and time.monotonic() < end:
        await asyncio.sleep(0.02)
        state = process.state
    return state
