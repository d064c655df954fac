"""A worker process of its own: its log, its pages, its end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.waiting import wait_until

ROOT = Path(__file__).parents[2]
SPEEDY = {"HEADWATER_SESSION_TIMEOUT": "6", "HEADWATER_CHECKPOINT_INTERVAL": "0.5"}


class Worker:
    """A worker process of its own, with its log."""

    def __init__(
        self,
        brokers: str,
        namespace: str,
        folder: Path,
        name: str,
        stages: str | None,
        env: dict[str, str],
        module: str = "headwater.cli.main",
    ) -> None:
        self.folder, self.name, self.log_path = folder, name, folder / f"{name}.log"
        self.env = (
            os.environ
            | {
                "HEADWATER_BROKERS": brokers,
                "HEADWATER_NAMESPACE": namespace,
                "HEADWATER_STATE_DIR": str(folder / "state"),
                "HEADWATER_WORKER_ID": name,
                "HEADWATER_HTTP_PORT": "0",
                "HEADWATER_MODEL_BACKEND": "none",
            }
            | SPEEDY
            | env
        )
        self.module = module
        self.arguments = ["--stages", stages] if stages else []
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._from = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._url = ""
        self.started_at = time.time()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, "worker", *self.arguments],
                cwd=ROOT, env=self.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        """What it wrote since its last start."""
        return self.log_path.read_bytes()[self._from :].decode(errors="replace")

    @property
    def url(self) -> str:
        if not self._url:
            wait_until(lambda: "metrics and health at " in self.log() or self.exited, 60, self.log)
            self._url = self.log().split("metrics and health at ")[1].split("/metrics")[0]
        return self._url

    @property
    def exited(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def page(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read().decode()
        except ConnectionError as exc:
            time.sleep(1.0)  # it may be about to end
            raise AssertionError(f"{self.name}, exited: {self.exited}: {exc!r}\n{self.log()[-6000:]}") from exc

    def wait_ready(self, timeout: float = 90.0) -> float:
        """Seconds until /readyz says yes."""
        started = time.monotonic()

        def ready() -> bool:
            assert not self.exited, f"worker {self.name} ended:\n{self.log()[-4000:]}"
            return self.page("/readyz")[0] == 200

        wait_until(ready, timeout, lambda: self.log()[-4000:] + self.page("/readyz")[1])
        return time.monotonic() - started

    def metric(self, name: str, **labels: str) -> float | None:
        """Sum of the samples of ``name`` whose labels contain ``labels``; None when there is none."""
        text = self.page("/metrics")[1]
        found = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, timeout: float = 12.0) -> int:
        """SIGTERM; its exit code."""
        self.signal(signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(timeout)

    def wait(self, timeout: float) -> int:
        assert self.process is not None
        return self.process.wait(timeout)

    def wipe(self) -> None:
        """Delete its local state."""
        shutil.rmtree(self.folder / "state" / self.env["HEADWATER_NAMESPACE"] / self.name, ignore_errors=True)
