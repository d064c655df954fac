"""Simplified Chinese: how names stand in a sentence, and the rules of its sentences.

Each rule takes the sentence with its names masked and says whether it is broken.
"""

from __future__ import annotations

import re

from operators.narration.languages.common_rules import (
    foreign_noun_inside,
    markup,
    prompt_leak,
    unfilled_slot,
    unsafe_word,
    url,
)
from operators.narration.languages.language import Language
from operators.narration.marks import ANCHOR, ITEM, NAMES
from operators.narration.quotation import ENGLISH_QUOTES, TITLES_OF_WORKS
from operators.narration.rule_context import RuleContext, Rules, named
from operators.narration.vocabulary import genre_owners
from schemas.recommendation import ReasonKind

MAX_CHARACTERS = 60

# fmt: off
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002fa1f]")
_UNIT = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\u3000-\u303f\uff00-\uffef\U00020000-\U0002fa1f]|[^\W\u3000-\u9fff]+")
_SENTENCE = re.compile(r"[^。！？；.!?]*？[^。！？；]*[。！]|[^。！？；]*[。！？]")
_NUMBER = re.compile(
    r"[0-9０-９]|[百千万亿]|第[一二三四五六七八九十]|[二三四五六七八九十两](?:部|年|个|次|天|位|分|元)|元\b")
_CLAIM = re.compile(
    r"获奖|奥斯卡|大奖|最好|最佳|最高|最受|最新|顶级|首部|第一|唯一|导演|主演|演员|明星|影星|评分|好评|口碑|"
    r"经典|名著|畅销|票房|价格|便宜|优惠|折扣|免费|特价|新片|新款|著名|知名|传奇|神作|年度|真实故事改编|"
    r"更健康|更有效")
_ABSOLUTE = re.compile(r"一定|绝对|必看|必买|必定|肯定|不能错过|不容错过|百分|完美|永远|人人|保证|极致")
_PLOT = re.compile(
    r"续作|后续|续集|前传|结局|讲述|主角|主人公|男主|女主|改编|下一部|翻拍|情境片|情节片|的精彩剧情|故事发生")
_TREND = re.compile(r"热度|正热|最近|流行|热门|很受欢迎")
_SEARCH = re.compile(r"搜索|想找|查找")
_BUY = re.compile(r"购买|下单|顾客|买|选购|顺手带上|搭配")
_AFTER = re.compile(r"看完|之后|接着|接下来|继续看")
_AGAIN = re.compile(r"再次|再[买看读]一[次遍]|重温")
_REQUIRED: dict[ReasonKind, re.Pattern[str]] = {
    ReasonKind.CO_WATCHED: re.compile(r"喜欢|看过|观众|也爱|也常|往往也|也看|也读|口味|欢迎|选了|兴趣"),
    ReasonKind.BOUGHT_TOGETHER: re.compile(rf"{_BUY.pattern}|一起选"),
    ReasonKind.SAME_GENRE: re.compile(r"一样|同为|都是|同样|再看|类似|同一类|相近|合拍|契合|很搭|喜欢"),
    ReasonKind.NEXT_IN_SEQUENCE: _AFTER,
    ReasonKind.SEARCH_MATCH: _SEARCH,
    ReasonKind.TRENDING: _TREND,
    ReasonKind.REPEAT: _AGAIN,
    ReasonKind.TASTE: re.compile(r"你"),
    ReasonKind.NEW: re.compile(r"新"),
    ReasonKind.FILL: re.compile(r"你|不妨"),
}
_FORBIDDEN: tuple[tuple[re.Pattern[str], frozenset[ReasonKind]], ...] = (
    (re.compile(r"热度|正热|最近|热门"), frozenset({ReasonKind.TRENDING})),
    (_SEARCH, frozenset({ReasonKind.SEARCH_MATCH})),
    (_BUY, frozenset({ReasonKind.BOUGHT_TOGETHER, ReasonKind.CO_WATCHED, ReasonKind.TRENDING, ReasonKind.REPEAT})),
    (re.compile(r"看完|之后|接着看"), frozenset({ReasonKind.NEXT_IN_SEQUENCE})),
    (re.compile(r"再次|重温|可能更适合|略有不同|更胜|试试[^，]*[和与]|你最近在"), frozenset({ReasonKind.REPEAT})),
)
# A last clause without a verb: "，安静的阅读时光。", "，一部恐怖片的阴森吓人。"
_VERBLESS = re.compile(
    r"，(?!.*(?:让|帮|打造|享受|感受|体验|带|有|充满|适合|看|给|为|令))"
    r".{0,9}的(?:阅读时光|时光|家|世界|氛围|体验|感觉|玩具)。$|"
    r"片的(?:阴森|恐怖|烧脑|刺激|氛围)[^，]{0,2}。$|片的氛围轻松|(?:一首|一片)[^，]*片|"
    r"充满(?:疑云重重|童趣活泼|童趣、活泼|童趣和活泼)|玩的玩具|用来日常|一部节奏快的刺激")
_DANGLING = re.compile(
    rf"(?<!自)[的和与在是把被让给、，：；和或]。$|[{ITEM}{ANCHOR}]》|《[{ITEM}{ANCHOR}`]|`|《$|其氛围是")
_LIKING = re.compile(r"喜欢|喜爱|爱看|爱上")
_LIKELY = re.compile(r"(?:可能|也许|或许)也?会?(?:喜欢|爱上)")
_BRACKETED = re.compile(r"[《“「『]([^《》“”「」『』]+)[》”」』]")
_DOUBLED = re.compile(r"氛围[^。]*气氛|气氛[^。]*氛围|感受[^。]*感觉")
# "爱情片《…》，感受爱情的美好" is good Chinese, "奇幻片，奇幻的世界" is not.
_FEELING = re.compile(r"感受[^，。]*")
# fmt: on


def number(text: str, context: RuleContext) -> bool:
    """Digits and counts; the classifier 一部 is none."""
    return _NUMBER.search(text) is not None


def claim(text: str, context: RuleContext) -> bool:
    """Awards, makers, superlatives, prices."""
    return _CLAIM.search(text) is not None


def absolute(text: str, context: RuleContext) -> bool:
    """一定, 绝对, 不能错过 and other promises."""
    return _ABSOLUTE.search(text) is not None


def plot(text: str, context: RuleContext) -> bool:
    """Plot, sequels, and 情节片, which is no genre (剧情片 is)."""
    return _PLOT.search(text) is not None


def wrong_genre(text: str, context: RuleContext) -> bool:
    """A genre, or a kind of thing, that the item is not known to be."""
    if foreign_noun_inside(text, "zh", context):
        return True
    owners = genre_owners("zh", context.domain)
    return any(word in text and names.isdisjoint(context.categories) for word, names in owners.items())


def wrong_reason(text: str, context: RuleContext) -> bool:
    """A reason that is not the one, or a comparison of the two items."""
    return any(context.kind not in allowed and pattern.search(text) for pattern, allowed in _FORBIDDEN)


def missing_reason(text: str, context: RuleContext) -> bool:
    """The sentence does not say why."""
    return _REQUIRED[context.kind].search(text) is None


def unproven_liking(text: str, context: RuleContext) -> bool:
    """That somebody liked something, where nothing proves it."""
    return not context.liked and claims_liking(text)


def unknown_name(text: str, context: RuleContext) -> bool:
    """Something in 《》 that is neither item nor anchor."""
    return bool(phrases(text))


def several_sentences(text: str, context: RuleContext) -> bool:
    """More than one sentence; a short question before it is allowed."""
    return text[-1:] in "。！？" and _SENTENCE.fullmatch(text) is None


def too_short(text: str, context: RuleContext) -> bool:
    """Fewer than five characters."""
    return len(text) < 5


def broken_ending(text: str, context: RuleContext) -> bool:
    """No full stop, a particle before it, or a bracket left open."""
    return text[-1:] not in ("。", "！", "？") or _DANGLING.search(text) is not None


def fragment(text: str, context: RuleContext) -> bool:
    """A last clause without a verb."""
    return _VERBLESS.search(text) is not None


def tautology(text: str, context: RuleContext) -> bool:
    """A genre named twice, or 氛围 beside 气氛."""
    if _DOUBLED.search(text):
        return True
    told = _FEELING.sub("", text)
    return any(len(word) >= 2 and told.count(word) > 1 for word in genre_owners("zh", context.domain))


def repeated_word(text: str, context: RuleContext) -> bool:
    """Three characters in a row that stand there twice, names and question marks apart."""
    bare = re.sub(rf"[{NAMES}《》“”，。？！、]", " ", text)
    grams = [bare[i : i + 3] for i in range(len(bare) - 2) if " " not in bare[i : i + 3]]
    return len(set(grams)) < len(grams)


def wrong_script(text: str, context: RuleContext) -> bool:
    """No Chinese, or words in other letters outside titles."""
    return _HAN.search(text) is None or re.search(r"[^\W\d_\u3000-\ue002\U00020000-\U0002fa1f]{2,}", text) is not None


def phrases(text: str) -> list[str]:
    """What stands between title brackets or quotation marks."""
    return [found for found in _BRACKETED.findall(text) if found.strip(NAMES)]


# fmt: off
RULES: Rules = named(
    unfilled_slot, number, url, markup, prompt_leak, unsafe_word, claim, absolute, plot, wrong_genre, wrong_reason,
    missing_reason, unproven_liking, unknown_name, several_sentences, too_short, broken_ending,
    fragment, tautology, repeated_word, wrong_script,
)
# fmt: on


def claims_liking(text: str) -> bool:
    """喜欢 and the like, predictions apart."""
    return _LIKING.search(_LIKELY.sub("", text)) is not None


def length(text: str) -> int:
    """Chinese characters and marks, a run of other letters counting one."""
    return len(_UNIT.findall(text))


CHINESE = Language(
    code="zh",
    tag="zh-Hans",
    rules=RULES,
    length=length,
    max_length=MAX_CHARACTERS,
    phrases=phrases,
    claims_liking=claims_liking,
    quotes=ENGLISH_QUOTES,
    works=TITLES_OF_WORKS,
)
