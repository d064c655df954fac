"""A worker reads its settings as people write them, and says which variables are none of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.shop import Shop
from tests.integration.worker import ROOT

pytestmark = pytest.mark.integration


def test_settings_as_people_write_them(shop: Shop) -> None:
    folder = f".headwater-{shop.namespace}"
    worker = shop.worker(
        HEADWATER_STATE_DIR=f"~/{folder}",
        HEADWATER_CACHE_DIR="",
        HEADWATER_LOCALE="",
        HEADWATER_HTTP_HOST=" ",
        HEADWATER_LOG_LEVEL="info",
        HEADWATER_DOMAIN="Retail",
        HEADWATER_LIST_LENGHT="sesame",
        HEADWATER_ZZZ="sesame",
    )
    try:
        worker.wait_ready()
        assert (Path.home() / folder / shop.namespace / "w0").is_dir()
        assert not (ROOT / "~").exists() and not (ROOT / shop.namespace).exists()
        log = worker.log()
        warning = "WARNING headwater.worker: there is no setting"
        assert f"{warning} HEADWATER_LIST_LENGHT. Did you mean HEADWATER_LIST_LENGTH?" in log
        assert f"{warning} HEADWATER_ZZZ. It has no effect; unset it." in log
        assert "sesame" not in log, "values are not shown"
        assert worker.stop() == 0, worker.log()[-3000:]
    finally:
        shutil.rmtree(Path.home() / folder, ignore_errors=True)
