"""Expected failures of the tools around the stream; each message says, in a sentence, what to do.

::

    OperatorError            exit status 1 of the command line
     ├── ConfigurationError  exit status 2: a setting, argument or option is wrong
     ├── BrokerError         the broker cannot be reached or refuses
     ├── TopicMismatchError  an existing topic is not as the settings say
     └── FetchError          data, broker or model could not be fetched
    StreamError              the worker stops before it acknowledges anything; ``streams.engine.errors`` has its kinds
"""

from __future__ import annotations


class OperatorError(RuntimeError):
    """An expected failure: shown without a traceback."""


class StreamError(RuntimeError):
    """The worker stops before it acknowledges; the message says what to do."""


class ConfigurationError(OperatorError):
    """A setting, argument or option is wrong."""


class BrokerError(OperatorError):
    """The broker cannot be reached, or refused what was asked."""


class TopicMismatchError(OperatorError):
    """An existing topic has other partitions than the settings say."""


class FetchError(OperatorError):
    """Something could not be fetched from a package registry, or is not what was pinned."""
