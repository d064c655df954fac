"""The worker's disk has no room for the states that it recovers: it stops and says so; with room again, exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.topology import CLICK
from tests.faults.events import Mixed, many_users
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
USERS = 3_000


def test_a_recovery_that_the_workers_disk_has_no_room_for(shop: Shop, real_lines: Mixed, tmp_path: Path) -> None:
    """Twice in vain; events that came meanwhile are neither learned nor acknowledged until there is room."""
    mark = tmp_path / "mark"
    worker = shop.worker(module="tests.integration.faulty_worker", TEST_FAULT="full", TEST_FAULT_MARK=str(mark))
    lines = many_users(real_lines, USERS)
    shop.send_lines(lines)
    shop.wait_lag_zero(90)
    assert worker.stop() == 0
    worker.wipe()
    shop.send_lines(
        [line | {"value": line["value"] | {"event_id": f"again-{n}"}} for n, line in enumerate(lines[:300])]
    )
    mark.touch()
    for _ in range(2):
        worker.start()
        assert worker.wait(60) in (1, 2), worker.log()[-3000:]
        last = worker.log().rstrip().splitlines()[-1]
        assert "the local disk refuses" in last and "make room" in last, worker.log()[-3000:]
        assert "Traceback" not in worker.log()
        assert shop.lag("profiles", [CLICK.suffix]) == 300
    mark.unlink()
    worker.start()
    shop.wait_lag_zero(60)
    found = assert_exact(shop)
    assert found.users == USERS
    assert worker.stop() == 0
