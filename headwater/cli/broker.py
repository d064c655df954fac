"""``headwater broker``: the private Apache Kafka in the foreground."""

from __future__ import annotations

import time

import typer

from headwater.cli.terminal import end_on_sigterm, guarded, load_settings, note


@guarded
def broker() -> None:
    """Run a private Apache Kafka on loopback until Ctrl-C; its data is gone afterwards."""
    settings = load_settings()
    from headwater.local_kafka.broker import LocalKafka
    from streams.errors import BrokerError

    end_on_sigterm()
    try:
        with LocalKafka.from_settings(settings, progress=note) as kafka:
            note(f"Apache Kafka {kafka.version} is listening; its log is {kafka.log_path}. Ctrl-C ends it.")
            typer.echo(f"export HEADWATER_BROKERS={kafka.bootstrap}")
            while kafka.running:
                time.sleep(0.5)
            raise BrokerError("The private Kafka ended by itself.")
    except KeyboardInterrupt:
        note("Stopped.")
