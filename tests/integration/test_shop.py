"""The household shop of ``headwater demo --shop`` through broker and worker: what is said is true and makes sense."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headwater.demo.feed import Outcome
from headwater.demo.goods import CLICKED_BY_A_BOT, DISLIKED_BY_ALL
from headwater.demo.shop import WORKER_ENVIRONMENT, HouseholdShop
from headwater.demo.shop_searches import NOT_SOLD, SEARCHES
from headwater.demo.verdict import Verdict
from headwater.demo.worker_process import WorkerProcess
from headwater.local_kafka.broker import LocalKafka
from streams.broker.admin import create_topics
from streams.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
RECORDS = 5_000
FIRST = 0.95


@pytest.fixture(scope="module")
def outcome_and_verdict(
    kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Outcome, Verdict]]:
    """One run for all of them."""
    settings = Settings(brokers=kafka.bootstrap, namespace="household")
    create_topics(kafka.brokers, settings)
    environment = WORKER_ENVIRONMENT | {
        "HEADWATER_BROKERS": kafka.bootstrap,
        "HEADWATER_NAMESPACE": settings.namespace,
        "HEADWATER_MODEL_BACKEND": "none",
    }
    with WorkerProcess(tmp_path_factory.mktemp("household"), environment) as worker:
        worker.wait_until_ready(lambda reasons: None)
        shop = HouseholdShop(kafka.brokers, settings, worker, lambda record: None, lambda number: None)
        try:
            assert shop.open()
            shop.run(rate=300.0)
            yield shop.feed.outcome, shop.verdict
        finally:
            shop.close()


@pytest.fixture(scope="module")
def verdict(outcome_and_verdict: tuple[Outcome, Verdict]) -> Verdict:
    return outcome_and_verdict[1]


def test_every_event_is_answered(outcome_and_verdict: tuple[Outcome, Verdict]) -> None:
    outcome, verdict = outcome_and_verdict
    assert outcome.answered == sum(phase.events for phase in outcome.phases) >= RECORDS
    assert verdict.words.checked >= RECORDS


def test_no_reason_is_false(verdict: Verdict) -> None:
    assert verdict.claims.checked > 10 * RECORDS
    assert verdict.claims.lines() == []


def test_every_kind_of_reason_is_given(verdict: Verdict) -> None:
    """A shop that claims nothing would have no false claims either."""
    kinds = {"bought_together", "co_watched", "next_in_sequence", "trending", "same_genre", "repeat", "search_match"}
    assert kinds <= verdict.kinds.keys(), verdict.kinds
    assert sum(verdict.kinds[kind] for kind in kinds) > 0.5 * verdict.kinds.total(), verdict.kinds


def test_no_word_is_wrong(verdict: Verdict) -> None:
    assert verdict.words.lines() == []


def test_nothing_senseless_is_shown(verdict: Verdict) -> None:
    """What was just bought, is looked at, is disliked, or is not sold."""
    assert verdict.purchases_answered > 1_000
    assert verdict.just_bought_at_purchase == 0, verdict.items.lines()
    assert verdict.items.lines() == []


def test_what_is_searched_for_comes_first(verdict: Verdict) -> None:
    assert verdict.searches == len(SEARCHES) == 60
    assert verdict.searches_first >= FIRST * len(SEARCHES), verdict.missed


def test_a_search_that_matches_nothing_claims_nothing(verdict: Verdict) -> None:
    assert (verdict.unclaimed, verdict.unmatched) == (len(NOT_SOLD), len(NOT_SOLD)), verdict.missed


def test_one_visitor_and_lowest_ratings_make_nothing_popular(verdict: Verdict) -> None:
    assert len(verdict.first_for_strangers) == 5 * len(NOT_SOLD)
    assert not {CLICKED_BY_A_BOT.item_id, DISLIKED_BY_ALL.item_id} & set(verdict.first_for_strangers)
