"""The queue between the changelog fetches and recovery. It drops what was fetched before recovery's last seek."""

from __future__ import annotations

from typing import Any

from mode.utils.queues import ThrowableQueue


class ChangelogQueue(ThrowableQueue):  # type: ignore[misc]
    """Drops outdated batches by their ``origin``; emptying the queue, as Faust does at a rebalance, is not enough.

    A batch that was waiting to be put in enters after the queue was emptied. Faust would apply it and take its offset
    as reached, and so skip the earlier records that the seek makes it fetch again.
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
