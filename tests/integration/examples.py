"""The programs in ``docs/examples`` as modules."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from tests.integration.worker import ROOT


def load_example(name: str) -> ModuleType:
    """The example of that file name, without its ending."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs/examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
