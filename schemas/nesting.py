"""Depth of JSON text, found without recursion before anything is decoded."""

from __future__ import annotations

import re

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]+|\\.)*"?|[\[{]+|[\]}]+', re.DOTALL)
_OPENING = b"[{"[0], b"[{"[1]


def exceeds_depth(text: bytes, max_depth: int) -> bool:
    """Whether objects and lists in ``text`` are nested more than ``max_depth`` deep; brackets in strings do not count.

    Text with few brackets, as nearly all is, costs two counts of a byte.

    >>> exceeds_depth(b'{"a": [[1]]}', 2), exceeds_depth(b'{"a": "[[["}', 2)
    (True, False)
    """
    if text.count(b"[") + text.count(b"{") <= max_depth:
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        start, end = match.span()
        first = text[start]
        if first == 0x22:
            continue
        depth += end - start if first in _OPENING else start - end
        if depth > max_depth:
            return True
    return False
