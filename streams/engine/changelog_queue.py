"""The queue between the fetch of changelogs and recovery, without what was fetched before recovery's last seek."""

from __future__ import annotations

from typing import Any

from mode.utils.queues import ThrowableQueue


class ChangelogQueue(ThrowableQueue):  # type: ignore[misc]
    """Faust empties it when a rebalance begins, and when recovery goes on after its seek.

    A batch that waits to be put in meanwhile comes in behind that: Faust would apply it, take its offset for the one that
    is reached, and pass over all that the seek has fetched again before it.
    """

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(flow_control=app.flow_control, clear_on_resume=True, **kwargs)
        self._app = app

    async def get(self) -> Any:
        """The next event that was fetched since the last seek."""
        while True:
            event = await super().get()
            if event.value.origin == self._app.consumer.seeks:
                return event
