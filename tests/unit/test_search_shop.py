"""Searches of a household shop: what was typed comes first, whatever is popular, seen, or liked by the searcher."""

from __future__ import annotations

import numpy as np
import pytest

from operators.ranking.ranker import RankedList
from operators.state.parameters import Parameters
from schemas.durations import DAY_MS
from schemas.recommendation import ReasonKind, Source
from schemas.records import Action, CatalogItem, Purchase
from tests.learning_support import START, Run, click

NOW = START + DAY_MS

# fmt: off
GOODS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kettle": ("Electric Kettle 1.7 L", ("kitchen",)),
    "whistling": ("Whistling Stovetop Kettle", ("kitchen",)),
    "descaler": ("Kettle Descaler Powder", ("cleaning",)),
    "tea-set": ("Tea Set", ("kettle",)),
    "teapot": ("Cast Iron Teapot", ("kitchen",)),
    "pot-glass": ("Glass Tea Pot with Strainer", ("kitchen",)),
    "tea-towel": ("Linen Tea Towels, Set of 3", ("textiles",)),
    "green-tea": ("Sencha Green Tea 100 g", ("groceries",)),
    "toaster": ("Two-Slice Toaster", ("kitchen",)),
    "vacuum": ("Cordless Vacuum Cleaner", ("cleaning",)),
    "bags": ("Vacuum Cleaner Bags (Pack of 10)", ("cleaning",)),
    "filter": ("Filter for Vacuum Cleaner", ("cleaning",)),
    "flask": ("Vacuum Flask 0.75 L", ("kitchen",)),
    "window": ("Window Cleaner Spray", ("cleaning",)),
    "broom": ("Broom and Dustpan", ("cleaning",)),
    "mop": ("Microfibre Spin Mop", ("cleaning",)),
    "dish-brush": ("Dish Brush, Beech", ("cleaning",)),
    "knife": ("Chef's Knife 20 cm", ("kitchen",)),
    "knife-block": ("Knife Block without Knives", ("kitchen",)),
    "board": ("Bamboo Cutting Board", ("kitchen",)),
    "pan": ("Non-Stick Frying Pan 28 cm", ("kitchen",)),
    "window-pane": ("Stained Window Pane", ("decoration",)),
    "wok": ("Carbon Steel Wok", ("kitchen",)),
    "glasses": ("Set of 6 Wine Glasses", ("table",)),
    "wine-rack": ("Wine Rack, Oak", ("table",)),
    "mug": ("Stoneware Mug", ("table",)),
    "plate": ("Dinner Plate, White", ("table",)),
    "bowl": ("Salad Bowl", ("table",)),
    "cutlery": ("Stainless Steel Cutlery 24 Pieces", ("table",)),
    "coffee-maker": ("Coffee Maker with Timer", ("kitchen",)),
    "coffee-table": ("Coffee Table, Walnut", ("furniture",)),
    "bookshelf": ("Bookshelf with Five Shelves", ("furniture",)),
    "shelf-light": ("Shelf Light LED", ("lighting",)),
    "desk-lamp": ("Desk Lamp, Brass", ("lighting",)),
    "desk": ("Oak Desk 140 cm", ("furniture",)),
    "lampshade": ("Linen Lampshade", ("lighting",)),
    "bulb": ("Light Bulb E27, Warm White", ("lighting",)),
    "chair": ("Dining Chair", ("furniture",)),
    "cushion": ("Chair Cushion, Grey", ("textiles",)),
    "pillow": ("Memory Foam Pillow", ("bedroom",)),
    "pillowcase": ("Silk Pillowcase", ("bedroom",)),
    "duvet": ("Goose Down Duvet", ("bedroom",)),
    "blanket": ("Wool Blanket", ("bedroom",)),
    "sheet": ("Fitted Sheet 160x200", ("bedroom",)),
    "mattress": ("Pocket Spring Mattress", ("bedroom",)),
    "towel": ("Bath Towel 70x140", ("bathroom",)),
    "bathmat": ("Bath Mat, Cotton", ("bathroom",)),
    "curtain": ("Shower Curtain", ("bathroom",)),
    "soap": ("Soap Dispenser", ("bathroom",)),
    "toothbrush": ("Electric Toothbrush", ("bathroom",)),
    "hairdryer": ("Hair Dryer 2000 W", ("bathroom",)),
    "rack": ("Clothes Drying Rack", ("laundry",)),
    "iron": ("Steam Iron", ("laundry",)),
    "ironing-board": ("Ironing Board", ("laundry",)),
    "boots": ("Children's Rubber Boots", ("hall",)),
    "umbrella": ("Folding Umbrella", ("hall",)),
    "candle": ("Scented Candle", ("decoration",)),
    "vase": ("Ceramic Vase", ("decoration",)),
    "frame": ("Photo Frame 10x15", ("decoration",)),
    "clock": ("Wall Clock", ("decoration",)),
    "rug": ("Jute Rug", ("living room",)),
    "cafetiere": ("Cafetière à piston", ("cuisine",)),
    "creme": ("Crème Brûlée Dishes", ("kitchen",)),
    "game": ("It", ("games",)),
    "game-from": ("From", ("games",)),
    "cn-pillow": ("记忆棉枕头", ("卧室",)),
    "cn-pillowcase": ("枕头套", ("卧室",)),
    "cn-kettle": ("不锈钢电热水壶 1.7升", ("厨房",)),
    "cn-blanket": ("法兰绒毛毯", ("卧室",)),
    "cn-electric-blanket": ("双人电热毯", ("卧室",)),
    "cn-vacuum": ("无线吸尘器", ("清洁",)),
    "cn-vacuum-bag": ("吸尘器袋 10只", ("清洁",)),
    "cn-cup": ("玻璃保温杯", ("厨房",)),
    "cn-teapot": ("紫砂茶壶", ("厨房",)),
    "cn-tea": ("龙井绿茶", ("食品",)),
    "cn-lamp": ("护眼台灯", ("照明",)),
    "cn-knife": ("切菜刀", ("厨房",)),
    "ja-pillow": ("低反発まくら", ("寝具",)),
    "ja-towel": ("バスタオル 2枚組", ("バス用品",)),
    "ja-kettle": ("電気ケトル 0.8L", ("キッチン",)),
    "ja-pot": ("南部鉄器の急須", ("キッチン",)),
    "ko-kettle": ("스테인리스 전기 주전자", ("주방",)),
    "ko-pillow": ("메모리폼 베개", ("침실",)),
    "ko-vacuum": ("무선청소기", ("청소",)),
    "th-pillow": ("หมอนเมมโมรี่โฟม", ("ห้องนอน",)),
    "th-pillowcase": ("ปลอกหมอนผ้าไหม", ("ห้องนอน",)),
    "th-kettle": ("กาต้มน้ำไฟฟ้า", ("ห้องครัว",)),
    "th-doctor": ("ชุดคุณหมอ", ("ของเล่น",)),
    "hi-pillow": ("मुलायम तकिया", ("शयनकक्ष",)),
    "hi-kettle": ("बिजली की केतली", ("रसोई",)),
    "hi-broom": ("फूल झाड़ू", ("सफ़ाई",)),
    "ar-kettle": ("غلّاية كهربائية", ("المطبخ",)),
    "ar-vacuum": ("مكنسة كهربائية", ("تنظيف",)),
    "ar-bags": ("أكياس مكنسة", ("تنظيف",)),
    "ar-pillow": ("وِسَادَة قطنية", ("غرفة النوم",)),
    "tr-iron": ("Buharlı Ütü", ("ev aletleri",)),
    "tr-glass": ("İnce Belli Çay Bardağı", ("mutfak",)),
    "tr-lamp": ("Işıklı Masa Lambası", ("aydınlatma",)),
    "de-rug": ("Fußmatte Kokos", ("Flur",)),
    "de-kettle": ("Wasserkocher 1,5 l", ("Küche",)),
    "ru-kettle": ("Чайник ёмкостью 2 л", ("кухня",)),
}

_KETTLES = "kettle", "whistling"
_FIRST: dict[str | tuple[str, ...], tuple[str, ...]] = {
    # the title before the category, the thing before what belongs to it, the phrase before single words
    _KETTLES: ("kettle", "the kettle", "red kettle", "kettel", "ketle", "kettlle", "kettles", "ｋｅｔｔｌｅ"),
    "kettle": ("electric kettle", "kettle electric", "kettle 1.7l", "kettle 1,7 L"),
    "vacuum": ("vacuum cleaner", "vacum cleaner", "vaccuum cleaner", "vacuumcleaner"),
    "bags": ("vacuum cleaner bags", "bags for vacuum cleaner"),
    "flask": ("vacuum flask",), "tea-set": ("tea set",), "green-tea": ("green tea",), "knife-block": ("knife block",),
    "knife": ("knife", "knives"), "desk-lamp": ("desk lamp", "lamp"), "desk": ("desk",), "pan": ("pan",),
    "coffee-table": ("coffee table",), "coffee-maker": ("coffee maker",), "chair": ("chair",), "iron": ("iron",),
    "cushion": ("chair cushion",), "wine-rack": ("wine rack",), "ironing-board": ("ironing board",),
    "glasses": ("wine glasses", "wine glass"), "tea-towel": ("tea towel",), "bookshelf": ("book shelf", "shelves"),
    "boots": ("childrens boots", "children’s boots"), ("creme", "dish-brush"): ("dish",),
    # one letter wrong, words joined and split, one and many
    "pillow": ("pilow", "pilows", "pillows"), "mattress": ("matress",), "umbrella": ("umbrela",),
    "toaster": ("toatser",),
    "blanket": ("blankt",), "cutlery": ("cuttlery",), ("teapot", "pot-glass"): ("tea pot", "teapot"),
    "toothbrush": ("tooth brush",), "hairdryer": ("hairdryer",), "lampshade": ("lamp shade",),
    "bathmat": ("bath mat", "bath-mat", "bathmat"),
    # accents, case
    "cafetiere": ("cafetiere", "CAFETIÈRE"), "creme": ("creme brulee",), "de-rug": ("fussmatte", "FUSSMATTE"),
    "de-kettle": ("wasser kocher",), "ru-kettle": ("чайник", "емкостью"),
    # titles of stop words only
    "game": ("It",), "game-from": ("from",),
    # Chinese, Japanese, Korean
    "cn-pillow": ("枕头",), "cn-pillowcase": ("枕头套",), "cn-kettle": ("热水壶", "不锈钢水壶"),
    "cn-blanket": ("毛毯",),
    "cn-electric-blanket": ("电热毯",), "cn-vacuum": ("吸尘器",), "cn-vacuum-bag": ("吸尘器袋",),
    "cn-teapot": ("茶壶",),
    "cn-tea": ("绿茶",), "cn-knife": ("刀",), "ja-pillow": ("まくら",), "ja-towel": ("タオル", "ﾊﾞｽﾀｵﾙ"),
    "ja-kettle": ("ケトル",), "ko-kettle": ("전기주전자",), "ko-pillow": ("베개",), "ko-vacuum": ("무선 청소기",),
    # Thai, Hindi, Arabic, Turkish
    "th-pillow": ("หมอน",), "th-pillowcase": ("ปลอกหมอน",), "th-kettle": ("กาต้มน้ำ",), "hi-pillow": ("तकिया",),
    "hi-kettle": ("केतली",), "hi-broom": ("झाडू",), "ar-kettle": ("غلاية", "الغلاية"), "ar-vacuum": ("مكنسة",),
    "ar-pillow": ("وسادة",), "ar-bags": ("اكياس مكنسه",), "tr-iron": ("ütü", "utu"),
    "tr-glass": ("İNCE BELLİ", "ince belli"), "tr-lamp": ("ışıklı masa", "isikli masa"),
}
FIRST = [(query, wanted) for wanted, queries in _FIRST.items() for query in queries]
"""(what is typed, what has to be first, or one of those)."""

NOTHING = (
    "qqqq", "the", "of the", "is it the", "bicycle", "electric guitar", "xylophone", "boat", "coat", "mouse", "跑步机",
    "钢琴", "自行车", "ピアノ", "기타", "จักรยาน", "साइकिल", "دراجة", "bisiklet", "!?", "😀", "zzzzzzzzzzzz",
    "的", "printer cartridge", "x" * 500,
)
# fmt: on

POPULAR = ("descaler", "flask", "tea-set", "candle", "cn-cup", "filter", "knife-block", "cushion")
SEEN = ("kettle", "vacuum", "cn-pillow", "mug", "th-pillow")
"""What the searcher has looked at or bought, among it what will be typed."""


@pytest.fixture(scope="module")
def shop() -> Run:
    """Two hundred people who mostly take what is popular, and one who has had some of what will be typed. Read only."""
    run = Run(Parameters(factors=8, neighbours=12, successors=6, allow_repeats=False))
    for item, (title, categories) in GOODS.items():
        run.index.set_catalog(CatalogItem(item, title, categories=categories))
    rng, goods = np.random.default_rng(5), list(GOODS)
    for user in range(200):
        taken = [*rng.choice(POPULAR, 3, replace=False), *rng.choice(goods, 3, replace=False)]
        run.learn(*[click(10 * user + n, f"u{user}", str(item), 60 * user + n) for n, item in enumerate(taken)])
    run.learn(*[click(90_000 + n, "ann", item, 20_000 + n) for n, item in enumerate(SEEN)])
    run.learn(Purchase("bought", "ann", "kettle", START + 21_000_000))
    return run


def searched(run: Run, user: str, query: str) -> RankedList:
    return run.recommender.rank(run.user(user), now_ms=NOW, query=query)


def first_of(run: Run, user: str, query: str) -> str:
    listed = searched(run, user, query)
    return run.index.ids[int(listed.items[0])]


@pytest.mark.parametrize("user", ["ann", "u7", "nobody"])
@pytest.mark.parametrize(("query", "wanted"), FIRST)
def test_what_was_typed_is_first(shop: Run, user: str, query: str, wanted: str | tuple[str, ...]) -> None:
    listed = searched(shop, user, query)
    assert shop.index.ids[int(listed.items[0])] in ((wanted,) if isinstance(wanted, str) else wanted)
    assert listed.source is Source.SEARCH
    assert listed.reasons[0].kind is ReasonKind.SEARCH_MATCH and listed.reasons[0].query == query


@pytest.mark.parametrize("user", ["ann", "nobody"])
@pytest.mark.parametrize("query", NOTHING)
def test_what_nothing_answers_is_no_search(shop: Run, user: str, query: str) -> None:
    listed = searched(shop, user, query)
    assert listed.source is (Source.TRENDING if user == "nobody" else Source.PERSONAL)
    assert ReasonKind.SEARCH_MATCH not in {reason.kind for reason in listed.reasons}
    assert all(reason.query is None for reason in listed.reasons)
    assert len(listed.items) == 20


def test_both_of_two_equal_things_come_before_all_else(shop: Run) -> None:
    for user in ("ann", "u7", "nobody"):
        listed = [shop.index.ids[int(item)] for item in searched(shop, user, "kettle").items]
        assert set(listed[:2]) == {"kettle", "whistling"} and listed.index("descaler") < listed.index("tea-set")


def test_an_item_with_every_word_comes_before_those_with_some(shop: Run) -> None:
    """ "Electric" alone is in a toothbrush, "kettle" alone in a thing of the wanted kind."""
    listed = searched(shop, "u7", "electric kettle")
    ids = [shop.index.ids[int(item)] for item in listed.items]
    kinds = [reason.kind for reason in listed.reasons]
    assert ids[:2] == ["kettle", "whistling"]
    assert kinds[0] is kinds[1] is ReasonKind.SEARCH_MATCH
    assert "toothbrush" not in ids or kinds[ids.index("toothbrush")] is not ReasonKind.SEARCH_MATCH


def test_what_is_refused_or_not_there_is_not_found_by_its_name() -> None:
    run = Run(Parameters(factors=8))
    for item, title in (("a", "Copper Kettle"), ("b", "Copper Kettle"), ("c", "Copper Kettle Lid"), ("d", "Wok")):
        run.index.set_catalog(CatalogItem(item, title))
    run.learn(click(1, "me", "a", action=Action.HIDE), click(2, "me", "b"))
    assert first_of(run, "me", "copper kettle") == "b", "seen before, and typed"
    run.index.set_catalog(CatalogItem("b", "Copper Kettle", available=False))
    assert first_of(run, "me", "copper kettle") == "c"
    run.index.delete("c")
    listed = searched(run, "me", "copper kettle")
    assert [run.index.ids[int(item)] for item in listed.items] == ["d"] and listed.source is Source.SESSION


def test_what_was_seen_is_back_only_in_the_answer(shop: Run) -> None:
    kettle = shop.index.lookup["kettle"]
    assert kettle in searched(shop, "ann", "kettle").items
    assert kettle not in shop.recommender.rank(shop.user("ann"), now_ms=NOW).items


def test_a_title_of_stop_words_is_an_answer_and_stop_words_alone_are_none() -> None:
    """Films that nobody has seen, among thirty that people watch."""
    run = Run(Parameters(factors=8))
    titles = {"m1": ("It (1990)", "Horror"), "m2": ("This Is It", "Music"), "m3": ("As It Is", "Drama")}
    for item, (title, category) in (titles | {"m4": ("From", "Horror")}).items():
        run.index.set_catalog(CatalogItem(item, title, categories=(category,)))
    for n in range(30):
        run.index.set_catalog(CatalogItem(f"f{n}", f"Silent Street{n}", categories=("Thriller",)))
        run.learn(*[click(3 * n + user, f"u{user}", f"f{n}", 60 * n + user) for user in range(3)])
    for query, item in (("It", "m1"), ("it", "m1"), ("This Is It", "m2"), ("As It Is", "m3"), ("from", "m4")):
        listed = searched(run, f"new {query}", query)
        assert run.index.ids[int(listed.items[0])] == item and listed.source is Source.SEARCH
        assert listed.reasons[0].kind is ReasonKind.SEARCH_MATCH
    for query in ("of the", "the"):
        listed = searched(run, "new", query)
        assert listed.source is Source.TRENDING
        assert ReasonKind.SEARCH_MATCH not in {reason.kind for reason in listed.reasons}
