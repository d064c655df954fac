"""Rewrites the generated parts of the documentation that are outdated (``--check`` only names them)."""

from __future__ import annotations

import sys

from headwater.docs.blocks import ROOT, outdated, rewritten


def main(arguments: list[str]) -> int:
    """Rewrite what is outdated; with ``--check`` only name it and return 1."""
    check = "--check" in arguments
    stale = outdated()
    for path in stale:
        print(f"{'outdated' if check else 'rewritten'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(rewritten(path.read_text("utf-8")), "utf-8")
    if check and stale:
        print("run: python -m headwater.docs")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
