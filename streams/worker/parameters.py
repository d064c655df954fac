"""The parameters of learning and ranking that the settings say."""

from __future__ import annotations

from operators.state.parameters import Parameters
from streams.settings import Settings, buy_again_ms


def parameters_of(settings: Settings) -> Parameters:
    """What a worker and `headwater evaluate` learn and rank with."""
    return Parameters(
        allow_repeats=settings.allow_repeats,
        min_support=settings.min_support,
        buy_again=buy_again_ms(settings.buy_again),
    )
