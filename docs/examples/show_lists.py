"""A page that shows a user's latest list, and the next one as soon as it is there.

    python docs/examples/show_lists.py localhost:9092 headwater 8000

Then open http://127.0.0.1:8000/?user=anna. Every text comes from strangers (titles, queries), so all of it is escaped.
The page has no login: whoever reaches it sees every list. Put it behind your own.
"""

from __future__ import annotations

import json
import sys
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

KEPT_USERS = 50_000
PAGE = """<!doctype html><meta charset="utf-8"><title>Recommendations</title>
<main id="list">{list}</main>
<script>
  new EventSource("events" + location.search).onmessage = message => {{
    document.getElementById("list").innerHTML = JSON.parse(message.data)
  }}
</script>"""


class Lists:
    """The latest record of each of the last `KEPT_USERS` users that had one."""

    def __init__(self) -> None:
        self._latest: dict[str, dict[str, Any]] = {}
        self._changed = threading.Condition()

    def take(self, record: dict[str, Any]) -> None:
        """Keep ``record`` unless a later one is there: after a crash an older one may come again."""
        user = record["user_id"]
        with self._changed:
            former = self._latest.pop(user, None)
            newer = former is None or former["created_at"] <= record["created_at"]
            self._latest[user] = record if newer else former  # type: ignore[assignment]
            if len(self._latest) > KEPT_USERS:
                del self._latest[next(iter(self._latest))]
            self._changed.notify_all()

    def of(self, user: str) -> dict[str, Any] | None:
        with self._changed:
            return self._latest.get(user)

    def after(self, user: str, record: dict[str, Any] | None, seconds: float) -> dict[str, Any] | None:
        """The user's latest record, as soon as it is another one than ``record``; else what it is after ``seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: self._latest.get(user) is not record, seconds)
            return self._latest.get(user)


def as_html(record: dict[str, Any] | None) -> str:
    """A list as HTML; nothing of the record can close a tag."""
    if record is None or not record["items"]:
        return "<p>Nothing to recommend yet.</p>"
    language, direction = escape(record.get("language", "")), escape(record.get("text_direction", "auto"))
    rows = [
        f'<li dir="auto" title="{escape(item["reason"]["kind"])}">{escape(item.get("title") or item["item_id"])}</li>'
        for item in record["items"]
    ]
    return f'<p lang="{language}" dir="{direction}">{escape(record["text"])}</p><ol>{"".join(rows)}</ol>'


def consume(brokers: str, namespace: str, lists: Lists, stopped: threading.Event) -> None:
    """Read what the topic keeps, then what comes; without a group, as every copy of the page needs all lists."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"{namespace}.page", "enable.auto.commit": False})
    topic = f"{namespace}.recommendations.v1"
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    try:
        while not stopped.is_set():
            message = consumer.poll(0.5)
            if message is not None and not message.error():
                lists.take(json.loads(message.value()))
    finally:
        consumer.close()


def server(lists: Lists, port: int) -> ThreadingHTTPServer:
    """``/?user=…`` is the page, ``/events?user=…`` the stream of its lists."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            user = parse_qs(url.query).get("user", [""])[0]
            streaming = url.path == "/events"
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if streaming else "text/html; charset=utf-8")
            self.end_headers()
            if streaming:
                self.stream(user)
            else:
                self.wfile.write(PAGE.format(list=as_html(lists.of(user))).encode())

        def stream(self, user: str) -> None:
            record = lists.of(user)
            try:
                while True:
                    self.wfile.write(f"data: {json.dumps(as_html(record))}\n\n".encode())
                    self.wfile.flush()
                    record = lists.after(user, record, seconds=15)  # writes again all the same: is anybody there?
            except ConnectionError:
                pass  # the page was closed

    made = ThreadingHTTPServer(("127.0.0.1", port), Page)
    made.daemon_threads = True
    return made


def main(brokers: str, namespace: str, port: str) -> None:
    lists, stopped = Lists(), threading.Event()
    threading.Thread(target=consume, args=(brokers, namespace, lists, stopped), daemon=True).start()
    with server(lists, int(port)) as http:
        print(f"http://127.0.0.1:{http.server_port}/?user=…", flush=True)
        http.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:4])
