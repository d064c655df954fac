"""Depth of JSON text, found without recursion before anything is decoded."""

from __future__ import annotations

import re

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]+|\\.)*"?|[\[{]+|[\]}]+', re.DOTALL)
_OPENING = b"[{"[0], b"[{"[1]


def too_deep_at(text: bytes, max_depth: int) -> int | None:
    """The byte where objects and lists in ``text`` are nested more than ``max_depth`` deep, None if nowhere.

    Brackets in strings do not count. Text with few brackets, as nearly all is, costs two counts of a byte.

    >>> too_deep_at(b'{"a": [[1]]}', 2), too_deep_at(b'{"a": "[[["}', 2)
    (7, None)
    """
    if text.count(b"[") + text.count(b"{") <= max_depth:
        return None
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        start, end = match.span()
        first = text[start]
        if first == 0x22:
            continue
        if first not in _OPENING:
            depth -= end - start
            continue
        if depth + end - start > max_depth:
            return start + max_depth - depth
        depth += end - start
    return None
