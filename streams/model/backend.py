"""Finds the backend that the settings name."""

from __future__ import annotations

import importlib
from pathlib import Path

from streams.model.text_backend import BackendUnavailable, TextBackend


def create_backend(specification: str, cache_dir: Path) -> TextBackend:
    """The backend for ``transformers``, or for ``module:Class`` (constructed without arguments).

    Raises `BackendUnavailable` for ``none`` and for a backend that does not exist.
    """
    if specification == "none":
        raise BackendUnavailable("HEADWATER_MODEL_BACKEND is `none`: text comes from frames and templates")
    if specification == "transformers":
        from streams.model.transformers_backend import TransformersBackend

        return TransformersBackend(cache_dir)
    module, separator, name = specification.partition(":")
    if not separator:
        raise BackendUnavailable(
            f"HEADWATER_MODEL_BACKEND={specification!r} is not known: use transformers, none or module:Class"
        )
    try:
        backend: TextBackend = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise BackendUnavailable(f"HEADWATER_MODEL_BACKEND={specification!r}: {error}") from error
    return backend
