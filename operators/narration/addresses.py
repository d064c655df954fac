"""Addresses in untrusted text: nobody's link, mail box or telephone number travels in a sentence of ours."""

from __future__ import annotations

import re

# fmt: off
_TOP_LEVEL = (
    "com|org|net|info|biz|edu|gov|mil|int|shop|store|online|site|website|xyz|club|app|dev|icu|vip|live|link|click|"
    "io|ai|tv|cc|ly|gg|gl|ru|cn|uk|de|fr|eu|jp|kr|nl|pl|br|ca|au|nz|tw|hk|sg|vn|ua|tr|ir|ch|se|dk|cz|mx|ar|za|"
    "example|test|invalid|localhost|onion|arpa"
)
# fmt: on
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOT = r"[.\u3002\uff0e\uff61]"
_PORT = r"(?::\d{2,5})?"
_WORD_BEFORE = r"(?<![\w@])"
_FRAMEWORK = r"(?:asp|vb|ado)\.net\b"  # of which there are books
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}:/{1,3}[^\s<>()]*"
    r"|\b(?:mailto|tel|sms|whatsapp):[^\s<>()]+"
    rf"|\bwww{_DOT}[^\s<>()]*"
    rf"|[\w.+%-]{{1,64}}[@\uff20](?:{_LABEL}{_DOT})+{_LABEL}"
    rf"|{_WORD_BEFORE}(?:{_LABEL}\.)+[^\W\d_]{{2,24}}{_PORT}/[^\s<>()]+"
    rf"|{_WORD_BEFORE}(?!{_FRAMEWORK})(?:{_LABEL}{_DOT})+(?:{_TOP_LEVEL})(?![\w-]){_PORT}"
    rf"|(?<![\w.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w.]){_PORT}",
    re.I,
)
_HOST_LIKE = re.compile(
    rf"{_WORD_BEFORE}(?=[\d-]*[^\W\d_])(?:{_LABEL}\.)+[^\W\d_]{{2,24}}(?!\w)"
    rf"|{_WORD_BEFORE}(?=[a-z])(?:[a-z0-9-]{{1,63}}{_DOT})+[a-z]{{2,24}}(?!\w)",
    re.I,
)
_DOTS = re.compile(_DOT)
_PHONE = re.compile(r"(?<![\w.,#-])(?:[+\uff0b]\s?)?\(?\d[\d\s().\u2010-\u2015/-]{4,24}\d(?!\w)")
_NO_PHONE = re.compile(
    r"(?:1[5-9]|20)\d\d(?:\s?[\u2010-\u2015/.-]\s?(?:(?:1[5-9]|20)\d\d|\d{1,2}(?:[/.-]\d{1,2})?))?"  # years and dates
    r"|\d{1,2}[./-]\d{1,2}[./-](?:\d\d){1,2}"
    r"|\d{1,3}(?:[\s.]\d{3})+"  # a large number
    r"|\d{4}\s?[\u2010-\u2015/-]\s?\d{4}"  # from one number to another
)
_PHONE_DIGITS = 7
_LONG_GROUP = re.compile(r"\d{3}")


def without_addresses(text: str) -> str:
    """The text without links, e-mail addresses, internet addresses and telephone numbers.

    What only looks like a host name (``Node.js``, ``Dr.Martens``) loses the dots that would make it one.

    >>> without_addresses("Kettle, see evil.example or call +49 30 1234567"), without_addresses("Dr.Martens 1984-2004")
    ('Kettle, see  or call ', 'Dr Martens 1984-2004')
    """
    text = _ADDRESS.sub("", text)
    text = _HOST_LIKE.sub(lambda found: _DOTS.sub(" ", found.group()), text)
    return _PHONE.sub(_without_phone, text)


def _without_phone(found: re.Match[str]) -> str:
    number = found.group()
    digits = sum(character.isdigit() for character in number)
    if digits < _PHONE_DIGITS or _NO_PHONE.fullmatch(number.strip()):
        return number
    dialled = number[0] in "+\uff0b(0" or _LONG_GROUP.search(number) is not None
    return "" if dialled else number
