"""Liveness and readiness of a worker, as named checks that say in words what is wrong and what to do.

*Liveness* (``/healthz``) fails when only a restart helps: the event loop is blocked. *Readiness* (``/readyz``) also
fails while the worker waits for something that may recover by itself (the broker, the recovery of its tables, the item
index), and while a commit or a partition stalls.

The event loop sets outcomes (:meth:`Health.set`), or a function is asked when the page is read
(:meth:`Health.register`), in a thread of the HTTP server, which answers also while the event loop is blocked.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.clock import Clock

HEARTBEAT_INTERVAL = 1.0
HEARTBEAT_TIMEOUT = 20.0


class Scope(enum.Enum):
    """Which page a check fails; a failing liveness check fails readiness as well."""

    LIVENESS = "liveness"
    READINESS = "readiness"


class Check(NamedTuple):
    """Outcome of a check, with an explanation."""

    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of a page at one moment."""

    checks: dict[str, Check]

    @property
    def failing(self) -> dict[str, Check]:
        return {name: check for name, check in self.checks.items() if not check.ok}

    @property
    def ok(self) -> bool:
        return not self.failing

    def text(self) -> str:
        """One line a check, the failing ones first."""
        ordered = sorted(self.checks.items(), key=lambda named: named[1].ok)
        lines = [f"{'ok' if c.ok else 'FAILING'}  {name}: {c.message or 'ok'}" for name, c in ordered]
        return "\n".join([f"{'ok' if self.ok else 'failing: ' + ', '.join(self.failing)}", *lines, ""])

    def json(self) -> dict[str, Any]:
        checks = {name: {"ok": check.ok, "message": check.message} for name, check in self.checks.items()}
        return {"ok": self.ok, "failing": list(self.failing), "checks": checks}


class Health:
    """The checks of one worker. Every method may be called from any thread.

    ``required`` names readiness checks that fail until they have been set or registered.
    """

    def __init__(
        self,
        required: Iterable[str] = (),
        *,
        heartbeat_timeout: float = HEARTBEAT_TIMEOUT,
        clock: Clock | None = None,
    ) -> None:
        self._clock, self._timeout = clock or Clock(), heartbeat_timeout
        self._beat = self._clock.monotonic()
        self._checks: dict[Scope, dict[str, Check | Callable[[], Check]]] = {scope: {} for scope in Scope}
        self.register("event loop", self._event_loop, scope=Scope.LIVENESS)
        self.set("start", False, "the worker is still starting")
        for name in required:
            self.set(name, False, "has not reported yet")

    def set(self, name: str, ok: bool, message: str = "", *, scope: Scope = Scope.READINESS) -> None:
        """Set the outcome of a check until it is set again."""
        self._checks[scope][name] = Check(ok, message)

    def register(self, name: str, check: Callable[[], Check], *, scope: Scope = Scope.READINESS) -> None:
        """Call ``check`` whenever the page is read. It must be quick and thread safe; one that raises is failing."""
        self._checks[scope][name] = check

    def remove(self, name: str) -> None:
        """Forget a check, wherever it is."""
        for checks in self._checks.values():
            checks.pop(name, None)

    def started(self) -> None:
        """Remove the check that the worker is still starting."""
        self.remove("start")

    def beat(self) -> None:
        """Note that the event loop runs."""
        self._beat = self._clock.monotonic()

    async def heartbeat(self, interval: float = HEARTBEAT_INTERVAL) -> None:
        """Task of the event loop that beats until it is cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(interval)

    def liveness(self) -> Report:
        return self._report(Scope.LIVENESS)

    def readiness(self) -> Report:
        return self._report(Scope.LIVENESS, Scope.READINESS)

    def _report(self, *scopes: Scope) -> Report:
        checks = {name: check for scope in scopes for name, check in list(self._checks[scope].items())}
        return Report({name: _ask(check) for name, check in checks.items()})

    def _event_loop(self) -> Check:
        age = self._clock.monotonic() - self._beat
        if age > self._timeout:
            return Check(
                False, f"the event loop has not turned for {age:.0f} s: something blocks it; restart the worker"
            )
        return Check(True, f"last turn {age:.1f} s ago")


def _ask(check: Check | Callable[[], Check]) -> Check:
    if isinstance(check, Check):
        return check
    try:
        return check()
    except Exception as exc:  # the page must answer in any case
        return Check(False, f"the check itself failed: {type(exc).__name__}: {exc}")
