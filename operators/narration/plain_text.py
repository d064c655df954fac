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
# The flags of England, Scotland and Wales: the one honest use of tag characters.
_TAGGED_FLAG = re.compile(
    "\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|"
    "\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
# Unicode's property Default_Ignorable_Code_Point, code points that are not assigned yet included.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BRAILLE_BLANK = "\u2800"
_NON_JOINER, _JOINER, _EMOJI_STYLE, _KEYCAP = "\u200c", "\u200d", "\ufe0f", "\u20e3"
_MAX_MARKS = 6


def plain_text(text: str) -> str:
    """One line of plain text; the empty string where nothing readable is left. Never raises.

    HTML entities are decoded once, known tags and Markdown links removed (their text stays), control, ignorable,
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
        marks = marks + 1 if shown and unicodedata.category(shown) in ("Mn", "Me") else 0
        if shown and marks <= _MAX_MARKS:
            kept.append(shown)
    return "".join(kept)


def _shown(text: str, position: int, character: str) -> str:
    """What one character becomes: itself, a space, U+FFFD or nothing."""
    if _IGNORABLE.match(character):
        return character if _has_work(text, position, character) else ""
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
    return "" if character == _BRAILLE_BLANK else character


def _has_work(text: str, position: int, character: str) -> bool:
    """Whether an ignorable character changes what is seen here: joins emoji, shapes letters, makes an emoji of a sign.

    Each needs its neighbours, so none can stand beside another one to carry a message.
    """
    before, after = text[position - 1 : position], text[position + 1 : position + 2]
    if character == _EMOJI_STYLE:
        return _emoji_like(before) or (before != "" and before in "#*0123456789" and after == _KEYCAP)
    if character == _JOINER and _emoji_like(after):
        return _emoji_like(before) or before == _EMOJI_STYLE or "\U0001f3fb" <= before <= "\U0001f3ff"
    return character in (_NON_JOINER, _JOINER) and _shaped(before) and _shaped(after)


def _shaped(character: str) -> bool:
    """Whether it is a letter or mark of a script whose letters join or stack, from Arabic to Khmer."""
    return "\u0600" <= character <= "\u18af" and unicodedata.category(character)[0] in "LM"


def _emoji_like(character: str) -> bool:
    return character != "" and (unicodedata.category(character) == "So" or "\U0001f000" <= character <= "\U0001faff")
