"""Untrusted text (titles, queries) made plain: no markup, no invisible characters, no half characters."""

from __future__ import annotations

import html
import re
import unicodedata

MAX_INPUT = 1_000
"""Code points that are looked at: titles are cut to 80 afterwards, and markup must not cost quadratic time."""

_SIMPLE = re.compile(r"[!-%'-)+-9;=?-Z\\\]^a-z{|}]+(?: [!-%'-)+-9;=?-Z\\\]^a-z{|}]+)*")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# fmt: off
_ELEMENTS = (
    "abbr|address|article|aside|audio|base|big|blockquote|body|br|button|canvas|caption|center|cite|code|col|"
    "dd|del|details|dfn|div|dl|dt|em|embed|figure|font|footer|form|frame|h[1-6]|head|header|hr|html|iframe|"
    "img|input|ins|kbd|label|li|link|main|mark|marquee|meta|nav|noscript|object|ol|option|param|picture|pre|"
    "samp|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|"
    "template|textarea|tfoot|th|thead|title|tr|tt|ul|var|video|wbr"
)
# fmt: on
# Elements of one letter need proper attributes, so that "a<b and c>d" is no tag.
_LETTER = r"[abipqsu](?:\s[^<>]*=[^<>]*|\s*/?)"
_HIDDEN = re.compile(r"<(script|style|template|noscript|iframe)\b[^<>]*>.*?</\1\s*>|<!--.*?-->", re.I | re.S)
_BREAK = re.compile(
    r"</?(?:br|div|li|ul|ol|h[1-6]|hr|tr|td|th|table|section)\b[^<>]*>|</?p(?:\s[^<>]*=[^<>]*|\s*/?)>", re.I
)
_TAG = re.compile(rf"</?(?:{_ELEMENTS})\b[^<>]*>|</?{_LETTER}>|<![A-Za-z][^<>]*>|<\?[a-z][^<>]*>", re.I)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(\s*<?[^\s()]*[:/#.][^\s()]*(?:\([^()]*\)[^\s()]*)*>?(?:\s+\"[^\"]*\")?\s*\)")
_EMPHASIS = re.compile(r"(?<![\w*~`.])(\*\*|~~|`{1,3})(?=\S)(.+?)(?<=\S)\1(?![\w*~`])")
_SCRIPT_URL = re.compile(r"\b(?:javascript|vbscript):(?=\S)", re.I)
_SPACE = re.compile(r"\s+")
# An emoji flag of a region (England, Scotland, Wales): the one honest use of tag characters.
_TAGGED_FLAG = re.compile("\U0001f3f4[\U000e0061-\U000e007a]{4,6}\U000e007f")
_BLANK = frozenset("\u034f\u115f\u1160\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0")
_MAX_MARKS = 6


def plain_text(text: str) -> str:
    """One line of plain text; the empty string where nothing readable is left. Never raises.

    HTML entities are decoded once, known tags and Markdown links removed (their text stays), control, invisible,
    bidirectional and private-use characters dropped, half surrogate pairs replaced by U+FFFD, white space collapsed.
    ``AT&T <3`` and ``5 < 6 & 7 > 2`` come back as they are.

    >>> plain_text("<b>Tom</b> &amp; Jerry &lt;3")
    'Tom & Jerry <3'
    """
    text = text[:MAX_INPUT]
    if _SIMPLE.fullmatch(text):
        return text
    text = _ENTITY.sub(lambda found: html.unescape(found.group()), text)
    return _SPACE.sub(" ", _visible(_unmarked(_visible(text)))).strip()


def is_visible(text: str) -> bool:
    """Whether the text holds no character that `plain_text` would drop or replace."""
    return (text.isascii() and text.isprintable()) or _visible(text) == text


def _unmarked(text: str) -> str:
    """The text without tags, Markdown links and emphasis; repeated, because removal can join a new tag."""
    while True:
        reduced = _BREAK.sub(" ", _HIDDEN.sub(" ", text))
        reduced = _SCRIPT_URL.sub("", _LINK.sub(r"\1", _TAG.sub("", reduced)))
        reduced = _EMPHASIS.sub(r"\2", reduced)
        if reduced == text:
            return text
        text = reduced


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    flags = [found.span() for found in _TAGGED_FLAG.finditer(text)]
    kept: list[str] = []
    marks = 0
    for position, character in enumerate(text):
        if any(start <= position < end for start, end in flags):
            kept.append(character)
            continue
        shown = _shown(text, position, character)
        marks = marks + 1 if shown and unicodedata.combining(shown) else 0
        if shown and marks <= _MAX_MARKS:
            kept.append(shown)
    return "".join(kept)


def _shown(text: str, position: int, character: str) -> str:
    """What one character becomes: itself, a space, U+FFFD or nothing."""
    if character in _BLANK:
        return ""
    if character in "\u200c\u200d":
        return character if _joins(text, position) else ""
    if character == "\ufe0f":
        return character if position and _emoji_like(text[position - 1]) else ""
    if "\ufe00" <= character <= "\ufe0e" or "\U000e0100" <= character <= "\U000e01ef":
        return ""
    match unicodedata.category(character):
        case "Cs":
            return "\ufffd"
        case "Zs" | "Zl" | "Zp":
            return " "
        case "Cc":
            return " " if character.isspace() else ""
        case "Cf" | "Co":
            return ""
        case "Cn" if ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef":
            return ""
    return character


def _joins(text: str, position: int) -> bool:
    """Whether a joiner at this place has work to do: between emoji, or between letters of joining scripts."""
    if position == 0 or position + 1 >= len(text):
        return False
    before, after = text[position - 1], text[position + 1]
    if _emoji_like(after) and (_emoji_like(before) or before == "\ufe0f" or "\U0001f3fb" <= before <= "\U0001f3ff"):
        return True
    return "\u0600" <= before <= "\u109f" and "\u0600" <= after <= "\u109f"


def _emoji_like(character: str) -> bool:
    return character in "#*0123456789" or unicodedata.category(character) == "So" or ord(character) >= 0x1F000
