"""English: how names stand in a sentence, and the rules of its sentences.

Each rule takes the sentence with its names masked and says whether it is broken.
"""

from __future__ import annotations

import re

from operators.narration.languages.common_rules import (
    any_word,
    markup,
    prompt_leak,
    unfilled_slot,
    unsafe_word,
    url,
)
from operators.narration.languages.english_words import english_words
from operators.narration.languages.language import Language
from operators.narration.marks import NAMES
from operators.narration.quotation import ENGLISH_QUOTES
from operators.narration.rule_context import RuleContext, Rules, named
from operators.narration.vocabulary import foreign_nouns, genre_owners, mood_owners
from schemas.recommendation import ReasonKind

MAX_WORDS = 30

# fmt: off
_WORD = re.compile(r"[A-Za-z]+(?:['\u2019-][A-Za-z]+)*")
_SENTENCE = re.compile(r"[^.!?]*(?<!\?)\?\s[^.!?]*[.!]|[^.!?]*[.!?]")
_NUMBER = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|dozens?|hundreds?|thousands?|millions?|billions?|decades?|"
    r"twice|half|percent|number one)\b|[%\u20ac\u00a3\u00a5]", re.I)
_CLAIM = any_word(
    r"award\w*", r"oscars?", r"emmys?", r"nominat\w+", "best", r"best-?sell\w+", "greatest", "finest", "top",
    "top-rated", "leading", "first", "only", "stars?", "starring", "starred", r"direct(?:or|ed|ing|s)", "cast",
    "actors?", "actress(?:es)?", r"critic\w*", r"acclaim\w*", r"masterpiece\w*", "classic", "classics",
    r"years?(?:'s)?", "old", "new(?! world)", "newest", "latest", r"price\w*", "cheap", "discount", "free", "sale",
    "deal", "bargain", r"rat(?:ed|ing|ings)", "reviews?", "famous", r"legend\w*", "iconic", "cult",
    r"blockbuster\w*", "box office", "hit", "must-see", "must-have", "must-watch", "originals?", "written by",
    "produced", "author", "novel", "brand", r"recommended (?:by|for)", "true story", "true", "real-life",
    "crowd favorite", "favou?rite", "beloved", "healthy", "safe", "proven", "quality", "fans? love")
_ABSOLUTE = any_word(
    "definitely", r"guarantee[sd]?", "certainly", "absolutely", "always", "never", "everyone", "everybody", "nobody",
    r"perfect\w*", "sure to", "surely", "ultimate", "unforgettable", "cannot", "can't", r"don't miss", "must",
    "(?:you'll|you will|will) love", "for all ages", "obsessed", "the whole family", "in a tizzy", "nothing")
_PLOT = any_word(
    "sequel", "prequel", "remake", r"spin-?off", "plots?", "storylines?", "endings?", "tells?", r"tales?",
    r"stor(?:y|ies) (?:of|about|that)", "is about", "all about", "where", r"explor(?:e|es|ing)", r"main characters?",
    "characters?", "hero(?:ine|es)?", "based on", "set in", "takes place",
    r"who (?:must|has|have|is|fights?|lives?|discovers?|finds?|falls?|wants? to)", "lives of", "cattle", "cowboys?",
    r"surpris\w+", "brings? your", "reveal(?:s|ed)?", "same (?:intricate |intriguing )?twists?",
    "a (?:puzzling |fun )?twist")
_TREND = any_word(
    "trending", "trendy", "right now", "catching on", "getting (?:lots of|a lot of|much)? ?attention",
    r"popular (?!with|option|choice)", "making waves")
_SEARCH = any_word(r"search(?:ed|es|ing)?", "looking for", "your query")
_BUY = any_word(r"b(?:uy|uys|ought|uying)", r"shoppers?", r"purchas\w+", "customers?")
_AGAIN = any_word("again", "come back", "once more", "another visit")
_AFTER = any_word("after", "follow", "next", "go on to")
_REQUIRED: dict[ReasonKind, re.Pattern[str]] = {
    ReasonKind.CO_WATCHED: any_word(
        "people", "fans?", "viewers", "shoppers", "learners", "readers", "parents", "if you", "because you"),
    ReasonKind.BOUGHT_TOGETHER: any_word("bought", "buy", "add", "together", "along with"),
    ReasonKind.SAME_GENRE: any_word(
        "like", "liked", "another", "same", "similar", "similarly", "in common", "enjoyed", "because you"),
    ReasonKind.NEXT_IN_SEQUENCE: _AFTER,
    ReasonKind.SEARCH_MATCH: _SEARCH,
    ReasonKind.TRENDING: any_word(
        "trending", "now", "popular", "catching on", "attention", "making waves",
        "many (?:shoppers|viewers|learners|people)"),
    ReasonKind.REPEAT: _AGAIN,
    ReasonKind.TASTE: any_word("you", "your"),
    ReasonKind.NEW: any_word("new"),
    ReasonKind.FILL: any_word("you", "your", "look"),
}
_FORBIDDEN: tuple[tuple[re.Pattern[str], frozenset[ReasonKind]], ...] = (
    (_TREND, frozenset({ReasonKind.TRENDING})),
    (_SEARCH, frozenset({ReasonKind.SEARCH_MATCH})),
    (_BUY, frozenset({ReasonKind.BOUGHT_TOGETHER, ReasonKind.CO_WATCHED, ReasonKind.TRENDING, ReasonKind.REPEAT})),
    (_AGAIN, frozenset({ReasonKind.REPEAT})),
    (_AFTER, frozenset({ReasonKind.NEXT_IN_SEQUENCE})),
)
_NEW_HERE = any_word("new here", "something new")
_LIKELY = any_word(r"(?:may|might|could)(?: (?:also|well|even))? (?:like|love|enjoy)", "would like")
_LIKING = any_word(
    "liked", r"enjoy\w*", r"appreciat\w+", r"love[sd]?", "fans?", r"favou?rites?", r"obsess\w+",
    "(?:you|who|people|shoppers|viewers|readers|learners|often|also) likes?")
_COMPARED = any_word("more", "deeper", "better", "than", "unlike", "goes further")
_DANGLING = re.compile(
    r"\b(?:a|an|the|of|and|or|(?<!play )with|to|in|on|for|from|by|at|that|which|who|is|are|was|"
    r"be|been|very|its|their|your|his|her|it's|that's|as|than|but|because|into|so|makes?|keeps?|has|have)"
    r"[\u201d\"]?[.!?]$|[,;:\u2014-]\s*[.!?]$", re.I)
_ON_THE_EDGE = re.compile(r"\bon the edge(?! of)", re.I)
_AN_BEFORE_CONSONANT = re.compile(r"\ban (?!hour|honest|heir|honou?r)[b-df-hj-np-tv-z]", re.I)
_A_BEFORE_VOWEL = re.compile(r"\ba (?!uni(?!m|n)|us[ae]|eur|one|once|ut[ie])[aeiou]", re.I)
# Content words that may stand twice: the reason's own.
_REPEATABLE = frozenset((
    "people", "enjoy", "enjoyed", "enjoying", "liked", "likes", "watch", "watched", "viewers",
    "shoppers", "films", "their", "often", "choose", "which", "after", "bought", "buying", "match",
    "matches", "search", "searched", "might", "these", "those", "right", "while", "another",
    "movie", "science", "fiction", "together", "everyday", "would", "there", "where",
))
_FRAGMENT = re.compile(
    rf"(?:[{NAMES}]|\btoo|\bnow), (?:a|an) (?:[\w-]+,? ){{0,3}}"
    r"(?:home|routine|reading time|playtime|cooking|outfits?)(?:\.| that)|"
    rf"[{NAMES}] (?:can be|is) a (?:daily |cozy, tidy )(?:beauty routine|home)\b|"
    r"\bmatches for\b|\bmaking (?:it )?(?:a|everyday|kitchen)\b|\bthat (?:thought|mind)-\w+ and\b|"
    r", (?:full of song|mind-bending adventures)\.$|"
    r"\bkeeps the (?:mind-bending(?! \w+ (?:going|high|alive))|futuristic)|"
    r"\bits (?:fans|viewers)\b|\bas an? [\w -]*film\b|\bfar-to-far\b|\bis feeling\b|\bfilm that is wide open\b", re.I)
# fmt: on


def number(text: str, context: RuleContext) -> bool:
    """No fact holds a number, so any in the sentence is made up."""
    return _NUMBER.search(text) is not None


def claim(text: str, context: RuleContext) -> bool:
    """Awards, makers, superlatives, prices, age: things that facts never say, but for what is new here."""
    return _CLAIM.search(_NEW_HERE.sub("", text) if context.kind is ReasonKind.NEW else text) is not None


def absolute(text: str, context: RuleContext) -> bool:
    """Promises: definitely, perfect, everyone."""
    return _ABSOLUTE.search(text) is not None


def plot(text: str, context: RuleContext) -> bool:
    """What happens in it, whom it is about, what it follows on from."""
    return _PLOT.search(text) is not None


def wrong_genre(text: str, context: RuleContext) -> bool:
    """A genre, or a kind of thing, that the item is not known to be."""
    lowered = text.lower()
    owners = genre_owners("en", context.domain)
    if not foreign_nouns("en", context.domain).isdisjoint(_WORD.findall(lowered)):
        return True
    if "science fiction" in lowered and "sci-fi" not in context.categories:
        return True
    words = _WORD.findall(lowered.replace("\u2019", "'"))
    return any(word in owners and owners[word].isdisjoint(context.categories) for word in words)


def wrong_tone(text: str, context: RuleContext) -> bool:
    """A mood that none of the item's genres has, such as a light horror film."""
    owners = mood_owners(context.domain)
    words = _WORD.findall(text.lower())
    return any(word in owners and owners[word].isdisjoint(context.categories) for word in words)


def wrong_reason(text: str, context: RuleContext) -> bool:
    """A reason that is not the one, or a comparison of the two items."""
    if context.kind in (ReasonKind.SAME_GENRE, ReasonKind.CO_WATCHED) and _COMPARED.search(text):
        return True
    return any(context.kind not in allowed and pattern.search(text) for pattern, allowed in _FORBIDDEN)


def missing_reason(text: str, context: RuleContext) -> bool:
    """The sentence does not say why."""
    return _REQUIRED[context.kind].search(text) is None


def unproven_liking(text: str, context: RuleContext) -> bool:
    """That somebody liked or enjoyed something, where nothing proves it."""
    return not context.liked and claims_liking(text)


def claims_liking(text: str) -> bool:
    """Words of liking, predictions ("you may like") apart."""
    return _LIKING.search(_LIKELY.sub("", text)) is not None


def unknown_name(text: str, context: RuleContext) -> bool:
    """A capitalised word that is no title and does not begin the sentence."""
    return any(True for _ in _names(text))


def unknown_word(text: str, context: RuleContext) -> bool:
    """A word that reviewed sentences do not use: made-up plot and broken English are caught by it."""
    known = english_words()
    return any(word not in known for word in _WORD.findall(text.lower().replace("\u2019", "'")))


def several_sentences(text: str, context: RuleContext) -> bool:
    """More than one sentence; a short question before it is allowed ("Looking for a thriller? Try …")."""
    return text[-1:] in '.!?\u201d"' and _SENTENCE.fullmatch(text.rstrip('\u201d"')) is None


def too_short(text: str, context: RuleContext) -> bool:
    """Fewer than three words."""
    return len(text.split()) < 3


def broken_ending(text: str, context: RuleContext) -> bool:
    """No full stop, a function word before it, or an idiom cut short."""
    return (
        text.rstrip('\u201d"')[-1:] not in (".", "!", "?")
        or _DANGLING.search(text) is not None
        or _ON_THE_EDGE.search(text) is not None
    )


def fragment(text: str, context: RuleContext) -> bool:
    """A clause that hangs on nothing: "…, a cozy, tidy home."."""
    return _FRAGMENT.search(text) is not None


def article(text: str, context: RuleContext) -> bool:
    """*a* before a vowel, *an* before a consonant."""
    return _AN_BEFORE_CONSONANT.search(text) is not None or _A_BEFORE_VOWEL.search(text) is not None


def tautology(text: str, context: RuleContext) -> bool:
    """Two forms of one word: *dramatic drama*, *thrilling thriller*."""
    words = set(_content_words(text))
    return len({word[:5] for word in words}) < len(words)


def repeated_word(text: str, context: RuleContext) -> bool:
    """A content word that stands there twice."""
    words = _content_words(text)
    return len(set(words)) < len(words)


def wrong_script(text: str, context: RuleContext) -> bool:
    """Letters that English is not written with."""
    return any(character.isalpha() and character > "\u024f" and character not in NAMES for character in text)


def phrases(text: str) -> list[str]:
    """Capitalised phrases and quoted words that could be titles, the longest first."""
    runs = re.findall(r"[A-Z][\w'\u2019-]*(?:(?: (?:of|the|and|in|a|to|for))* [A-Z0-9][\w'\u2019-]*)+", text)
    quotes = re.findall(r"[\"\u201c]([^\"\u201c\u201d]+)[\"\u201d]", text)
    return runs + quotes + list(_names(text))


def _names(text: str) -> list[str]:
    found = []
    for word in re.finditer(r"[A-Z][\w'\u2019-]*", text):
        before = text[: word.start()].rstrip(' "\u201c')
        if before and before[-1] not in ".?!:":
            found.append(word.group())
    return found


def _content_words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.lower()) if len(word) >= 5 and word not in _REPEATABLE]


# fmt: off
RULES: Rules = named(
    unfilled_slot, number, url, markup, prompt_leak, unsafe_word, claim, absolute, plot, wrong_genre, wrong_tone,
    wrong_reason, missing_reason, unproven_liking, unknown_name, unknown_word, several_sentences, too_short,
    broken_ending, fragment, article, tautology, repeated_word, wrong_script,
)
# fmt: on


def _length(text: str) -> int:
    return len(text.split())


ENGLISH = Language(
    code="en",
    tag="en",
    rules=RULES,
    length=_length,
    max_length=MAX_WORDS,
    phrases=phrases,
    claims_liking=claims_liking,
    quotes=ENGLISH_QUOTES,
)
