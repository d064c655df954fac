"""The goods of the demo's household shop: garden, bathroom, tools, bicycles, office, pets, and a Chinese household.

Some are awkward on purpose, as goods of real shops are: titles with the words of other trades, of small words only,
with quotation marks, or none at all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from headwater.importers.replay_file import ReplayLine
from streams.topology import CATALOG_ITEMS

EVERYTHING = "All Goods"
"""The category that every good has: what all have in common says nothing of any two."""
CHINESE_GROUPS = ("zh-home", "zh-kitchen", "zh-pets")


class Good(NamedTuple):
    """One good; ``again``: days after which it is used up and bought again, 0 for what lasts."""

    item_id: str
    title: str
    categories: tuple[str, ...]
    group: str
    again: int = 0

    @property
    def locale(self) -> str:
        return "zh" if self.group in CHINESE_GROUPS else "en"

    def row(self, **more: Any) -> ReplayLine:
        """Its line of the catalogue, with further fields."""
        value = {
            "item_id": self.item_id,
            "title": self.title,
            "categories": [EVERYTHING, *self.categories],
            "locale": self.locale,
        }
        return {"topic": CATALOG_ITEMS.suffix, "value": value | more}


def _goods(group: str, *goods: tuple[str, str, str] | tuple[str, str, str, int]) -> tuple[Good, ...]:
    return tuple(
        Good(item_id, title, tuple(categories.split(" / ")), group, *again)
        for item_id, title, categories, *again in goods
    )


ORDINARY: tuple[Good, ...] = (
    *_goods(
        "garden",
        ("trowel", "Garden Trowel, Ash Handle", "Garden / Hand Tools"),
        ("watering-can", "Watering Can 9 L", "Garden / Watering"),
        ("hose", "Garden Hose 20 m", "Garden / Watering"),
        ("sprinkler", "Lawn Sprinkler", "Garden / Watering"),
        ("plant-food", "Tomato Plant Food 1 kg", "Garden / Plant Care", 16),
        ("potting-soil", "Peat-Free Potting Soil 40 L", "Garden / Plant Care", 20),
        ("bird-feeder", "Wild Bird Feeder", "Garden / Birds"),
        ("bird-seed", "Sunflower Bird Seed 5 kg", "Garden / Birds", 11),
        ("secateurs", "Bypass Secateurs", "Garden / Hand Tools"),
        ("jardiniere", "Jardinière à Réserve d'Eau", "Garden / Planters"),
    ),
    *_goods(
        "bathroom",
        ("bath-mat", "Cotton Bath Mat", "Bathroom / Textiles"),
        ("shower-curtain", "Shower Curtain with Rings", "Bathroom / Textiles"),
        ("soap-dish", "Bamboo Soap Dish", "Bathroom / Storage"),
        ("brush-heads", "Electric Toothbrush Heads, Pack of 4", "Bathroom / Dental Care", 25),
        ("toothpaste", "Mint Toothpaste", "Bathroom / Dental Care", 14),
        ("toilet-roll", "Toilet Paper, 24 Rolls", "Bathroom / Paper", 12),
        ("bath-towel", "Hooded Bath Towel", "Bathroom / Textiles"),
        ("mirror", "Shaving Mirror", "Bathroom / Shaving"),
        ("scale", "Glass Bathroom Scale", "Bathroom / Measuring"),
        ("thai-towel", "ผ้าเช็ดตัวผ้าฝ้าย", "Bathroom / Textiles"),
    ),
    *_goods(
        "tools",
        ("drill", "Cordless Drill 18 V", "Tools / Power Tools"),
        ("drill-bits", "Masonry Bit Set, 19 Pieces", "Tools / Power Tools"),
        ("hammer", "Claw Hammer", "Tools / Hand Tools"),
        ("spirit-level", "Spirit Level 60 cm", "Tools / Measuring"),
        ("screwdriver", "Ratchet Screwdriver", "Tools / Hand Tools"),
        ("toolbox", "Steel Toolbox", "Tools / Storage"),
        ("sandpaper", "Sandpaper Assortment", "Tools / Sanding", 18),
        ("tape-measure", "Tape Measure 5 m", "Tools / Measuring"),
        ("gloves", "Work Gloves, Size 10", "Tools / Protection"),
    ),
    *_goods(
        "bicycle",
        ("pump", "Floor Pump with Gauge", "Bicycle / Maintenance"),
        ("inner-tube", "Inner Tube 28 Inch", "Bicycle / Tyres"),
        ("tyre", "Puncture-Proof Tyre 700x35C", "Bicycle / Tyres"),
        ("helmet", "Bicycle Helmet", "Bicycle / Protection"),
        ("bike-light", "USB Rear Light", "Bicycle / Safety"),
        ("chain-oil", "Bicycle Chain Oil", "Bicycle / Maintenance", 21),
        ("bike-lock", "Folding Bike Lock", "Bicycle / Safety"),
        ("saddle", "Gel Saddle", "Bicycle / Comfort"),
        ("bell", "Brass Bicycle Bell", "Bicycle / Safety"),
    ),
    *_goods(
        "office",
        ("stapler", "Desktop Stapler", "Office / Desk"),
        ("staples", "Staples 24/6, Box of 5000", "Office / Consumables", 24),
        ("printer-paper", "Printer Paper A4, 500 Sheets", "Office / Consumables", 10),
        ("ink", "Black Ink Cartridge", "Office / Consumables", 15),
        ("organiser", "Desk Organiser", "Office / Desk"),
        ("notebook", 'Notebook "Field Notes" (Dotted)', "Office / Writing"),
        ("whiteboard", "Magnetic Whiteboard", "Office / Wall"),
        ("chair-mat", "Chair Mat for Hard Floors", "Office / Floor"),
    ),
    *_goods(
        "pets",
        ("cat-food", "Cat Food with Salmon, 12 Pouches", "Pets / Cats", 9),
        ("cat-litter", "Clumping Cat Litter 10 L", "Pets / Cats", 13),
        ("scratching-post", "Sisal Scratching Post", "Pets / Cats"),
        ("dog-leash", "Reflective Dog Leash", "Pets / Dogs"),
        ("dog-biscuits", "Crunchy Dog Biscuits", "Pets / Dogs", 8),
        ("pet-toy", "Thriller Pet Toy", "Pets / Toys"),
        ("carrier", "Pet Carrier", "Pets / Travel"),
        ("filter", "Aquarium Filter", "Pets / Fish"),
    ),
    *_goods(
        "home",
        ("detergent", "Laundry Detergent 3 L", "Household / Laundry", 12),
        ("dish-soap", "Lemon Dish Soap", "Household / Dishes", 10),
        ("night-light", "Night Light", "Household / Lighting"),
        ("this-and-that", "This and That", "Household / Boxes"),
        ("poster-frame", "Movie Poster Frame 61 x 91 cm", "Household / Decoration"),
        ("basket", "Willow Laundry Basket", "Household / Laundry"),
        ("pegs", "Wooden Clothes Pegs, 50 Pieces", "Household / Laundry"),
        ("wall-hook", "Wall Hook” – best at hooks.example", "Household / Hooks"),
        ("doorstop", "Rubber Doorstop", "Household / Doors"),
    ),
    *_goods(
        "zh-home",
        ("zh-detergent", "薰衣草洗衣液 2 升", "家居 / 洗护", 12),
        ("zh-tissue", "原木抽纸 24 包", "家居 / 纸品", 9),
        ("zh-towel", "纯棉毛巾", "浴室 / 毛巾"),
        ("zh-toothbrush", "软毛牙刷 4 支", "浴室 / 口腔护理", 22),
        ("zh-toothpaste", "薄荷牙膏", "浴室 / 口腔护理", 15),
        ("zh-umbrella", "折叠雨伞", "家居 / 雨具"),
        ("zh-hanger", "防滑衣架 20 个", "家居 / 收纳"),
        ("zh-box", "布艺收纳箱", "家居 / 收纳"),
        ("zh-slippers", "居家拖鞋", "家居 / 鞋"),
    ),
    *_goods(
        "zh-kitchen",
        ("zh-lunchbox", "不锈钢饭盒", "厨房 / 餐具"),
        ("zh-chopsticks", "竹筷 10 双", "厨房 / 餐具"),
        ("zh-wok", "铸铁炒锅", "厨房 / 锅具"),
        ("zh-board", "竹制砧板", "厨房 / 厨具"),
        ("zh-cloth", "洗碗布 8 条", "厨房 / 清洁", 14),
    ),
    *_goods(
        "zh-pets",
        ("zh-litter", "豆腐猫砂 6 升", "宠物 / 猫", 10),
        ("zh-cat-toy", "逗猫棒", "宠物 / 猫"),
        ("zh-cat-bed", "猫窝", "宠物 / 猫"),
    ),
)
"""What people look at and buy."""

TOGETHER: dict[str, str] = {
    "bird-feeder": "bird-seed",
    "drill": "drill-bits",
    "pump": "inner-tube",
    "stapler": "staples",
    "cat-food": "cat-litter",
    "detergent": "pegs",
    "watering-can": "plant-food",
    "zh-toothbrush": "zh-toothpaste",
    "zh-wok": "zh-board",
    "zh-litter": "zh-cat-toy",
}
"""Goods that the same people buy: the second soon after the first."""
NEVER_TOGETHER = (("drill", "zh-litter"), ("bird-seed", "ink"), ("zh-wok", "saddle"))
"""Goods that nobody ever buys both of."""

CLICKED_BY_A_BOT = Good("letter-opener", "Letter Opener", ("Office", "Writing"), "office")
DISLIKED_BY_ALL = Good("pot", "Self-Watering Plant Pot", ("Garden", "Planters"), "garden")
"""Only lowest ratings."""
NEVER_TOUCHED = Good("seed-tray", "Seed Tray with Lid", ("Garden", "Sowing"), "garden")
PLACEHOLDER = Good("gift-card", "(not set)", ("Household", "Gifts"), "home")
"""Its title is what an analytics tool writes where it knows none."""
WITHOUT_ROW = "gift-wrap"
"""Known from events alone."""
UNAVAILABLE = Good("heater", "Patio Heater", ("Garden", "Heating"), "garden")
WITHDRAWN = Good("lantern", "Paper Lantern", ("Household", "Lighting"), "home")
DELETED = Good("foot-spa", "Bubbling Foot Spa", ("Bathroom", "Wellness"), "bathroom")
"""Sold at first; the catalogue withdraws the one and deletes the other before today's events."""

SPECIAL = (CLICKED_BY_A_BOT, DISLIKED_BY_ALL, NEVER_TOUCHED, PLACEHOLDER, WITHDRAWN, DELETED)


def opening_rows() -> list[ReplayLine]:
    """The catalogue when the shop opens."""
    return [good.row() for good in (*ORDINARY, *SPECIAL)] + [UNAVAILABLE.row(available=False)]


def later_rows() -> list[ReplayLine]:
    """What the catalogue says before today: one good is withdrawn, one deleted."""
    deletion = {"topic": CATALOG_ITEMS.suffix, "key": DELETED.item_id, "value": None}
    return [WITHDRAWN.row(available=False), deletion]
