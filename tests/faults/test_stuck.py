"""Workers that stand still, in whole or in part: others take over from them, and a late awakening writes nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.events import Mixed
from tests.integration.load import Load
from tests.integration.reference import assert_exact, describe
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
RATE = 150.0
STUCK = 6.0


def two_workers(shop: Shop, real_lines: Mixed, fault: str, mark: Path) -> tuple[Worker, Worker, Load]:
    """One that is to stand still, one that is sound, and a load that both share."""
    shop.send_lines(real_lines.catalog[:300])
    sound = shop.worker("sound")
    stuck = shop.faulty_worker(fault, mark, HEADWATER_STUCK_TIMEOUT=str(STUCK))
    sound.wait_ready()
    wait_until(lambda: set(shop.owners("profiles")) == {"w0", "sound"}, 60, shop.logs)
    load = Load(shop, real_lines.events, RATE)
    load.wait_sent(150)
    mark.touch()
    return stuck, sound, load


def taken_over(shop: Shop) -> Callable[[], bool]:
    return lambda: set(shop.owners("profiles")) == {"sound"}


@pytest.mark.parametrize("fault", ["hang", "block"])
def test_others_take_over_from_a_stuck_worker(
    shop: Shop, real_lines: Mixed, tmp_path: Path, fault: str, tell: Callable[[str], None]
) -> None:
    """Work that never ends stops its worker; a blocked event loop loses its partitions: both go to the sound worker."""
    stuck, sound, load = two_workers(shop, real_lines, fault, tmp_path / "mark")
    wait_until(taken_over(shop), 60, shop.logs)
    load.wait_sent(load.sent + 150)
    sent, found = load.finish(60)
    if fault == "hang":
        assert stuck.wait(10) == 1 and "does not end" in stuck.log() and "Traceback" not in stuck.log()
    else:
        assert not stuck.exited and stuck.page("/readyz")[0] in (200, 503)
    tell(f"{sent} events, one of two workers stuck ({fault}): {describe(found)}")
    assert sound.stop() == 0


def test_a_zombie_writes_nothing(shop: Shop, real_lines: Mixed, tmp_path: Path, tell: Callable[[str], None]) -> None:
    """It sleeps past its session with states on their way to the changelog, which the new owner has written since."""
    zombie, sound, load = two_workers(shop, real_lines, "freeze", tmp_path / "mark")
    wait_until(lambda: stopped(zombie), 30, zombie.log)
    wait_until(taken_over(shop), 60, shop.logs)
    load.wait_sent(load.sent + 450)
    sent = load.halt()
    shop.wait_lag_zero(60)
    zombie.signal(signal.SIGCONT)
    assert zombie.wait(20) == 1
    assert "stood still" in zombie.log() and "Traceback" not in zombie.log()
    found = assert_exact(shop)
    tell(f"{sent} events, a zombie woken behind them: {describe(found)}")
    assert sound.stop() == 0


def stopped(worker: Worker) -> bool:
    """Whether the process is stopped by a signal."""
    assert not worker.exited, worker.log()[-3000:]
    return Path(f"/proc/{worker.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
