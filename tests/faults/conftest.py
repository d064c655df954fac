"""The broker of the integration tests, and real events."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from itertools import islice

import pytest

from headwater.importers.movielens import write_replay
from streams.errors import FetchError
from streams.settings import Settings
from tests.faults.events import Mixed, mixed
from tests.integration.conftest import kafka, namespace, shop
from tests.integration.worker import ROOT

__all__ = ["kafka", "namespace", "real_lines", "shop"]
YOOCHOOSE = ROOT.parent / "shared" / "data" / "yoochoose-clicks-100k.jsonl.gz"
EVENTS = 20_000


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints a line that is to be seen of a test that passes, too."""

    def print_it(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}")

    return print_it


@pytest.fixture(scope="session")
def real_lines() -> Mixed:
    """Catalogue lines and 20,000 events of real people: MovieLens-100k, else the click log of a shop."""
    try:
        path = write_replay(Settings().cache_dir)
    except FetchError as exc:
        if not YOOCHOOSE.exists():
            pytest.skip(f"no real events: {exc}; and there is no {YOOCHOOSE}")
        path = YOOCHOOSE
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = list(islice((json.loads(line) for line in file), 2 * EVENTS))
    return mixed(lines, EVENTS)
