"""Sixty searches in the demo's household shop, each with the good that has to come first."""

from __future__ import annotations

from typing import NamedTuple


class ShopSearch(NamedTuple):
    """What is typed, in which language, and the good that is meant."""

    query: str
    item_id: str
    locale: str = "en"


SEARCHES: tuple[ShopSearch, ...] = (
    # as the title has it
    ShopSearch("trowel", "trowel"),
    ShopSearch("watering can", "watering-can"),
    ShopSearch("garden hose", "hose"),
    ShopSearch("lawn sprinkler", "sprinkler"),
    ShopSearch("secateurs", "secateurs"),
    ShopSearch("bird feeder", "bird-feeder"),
    ShopSearch("bath mat", "bath-mat"),
    ShopSearch("shower curtain", "shower-curtain"),
    ShopSearch("soap dish", "soap-dish"),
    ShopSearch("mirror", "mirror"),
    ShopSearch("claw hammer", "hammer"),
    ShopSearch("spirit level", "spirit-level"),
    ShopSearch("screwdriver", "screwdriver"),
    ShopSearch("tape measure", "tape-measure"),
    ShopSearch("bicycle helmet", "helmet"),
    ShopSearch("gel saddle", "saddle"),
    ShopSearch("stapler", "stapler"),
    ShopSearch("whiteboard", "whiteboard"),
    ShopSearch("ink cartridge", "ink"),
    ShopSearch("cat litter", "cat-litter"),
    ShopSearch("dog leash", "dog-leash"),
    ShopSearch("aquarium filter", "filter"),
    ShopSearch("laundry detergent", "detergent"),
    # words of other trades, and small words only
    ShopSearch("night light", "night-light"),
    ShopSearch("thriller pet toy", "pet-toy"),
    ShopSearch("movie poster frame", "poster-frame"),
    ShopSearch("this and that", "this-and-that"),
    # a letter wrong, missing, twice, or in its neighbour's place
    ShopSearch("secaturs", "secateurs"),
    ShopSearch("sprinkker", "sprinkler"),
    ShopSearch("screwdrvier", "screwdriver"),
    ShopSearch("helmett", "helmet"),
    ShopSearch("detergant", "detergent"),
    ShopSearch("hamer", "hammer"),
    ShopSearch("toolbix", "toolbox"),
    ShopSearch("sadle", "saddle"),
    ShopSearch("doorstopp", "doorstop"),
    # one and many
    ShopSearch("bird feeders", "bird-feeder"),
    ShopSearch("hammers", "hammer"),
    ShopSearch("dog leashes", "dog-leash"),
    ShopSearch("toolboxes", "toolbox"),
    ShopSearch("clothes peg", "pegs"),
    ShopSearch("drills", "drill"),
    # split and joined
    ShopSearch("tool box", "toolbox"),
    ShopSearch("white board", "whiteboard"),
    ShopSearch("birdfeeder", "bird-feeder"),
    ShopSearch("sand paper", "sandpaper"),
    ShopSearch("door stop", "doorstop"),
    ShopSearch("tooth paste", "toothpaste"),
    ShopSearch("nightlight", "night-light"),
    # accents left out, and other scripts
    ShopSearch("jardiniere", "jardiniere", "fr"),
    ShopSearch("ผ้าเช็ดตัว", "thai-towel", "th"),
    ShopSearch("洗衣液", "zh-detergent", "zh"),
    ShopSearch("毛巾", "zh-towel", "zh"),
    ShopSearch("雨伞", "zh-umbrella", "zh"),
    ShopSearch("牙膏", "zh-toothpaste", "zh"),
    ShopSearch("猫砂", "zh-litter", "zh"),
    ShopSearch("炒锅", "zh-wok", "zh"),
    ShopSearch("收纳箱", "zh-box", "zh"),
    ShopSearch("砧板", "zh-board", "zh"),
    ShopSearch("拖鞋", "zh-slippers", "zh"),
)

NOT_SOLD = ("kayak", "harmonium", "quinoa", "zeppelin", "violin", "钢琴", "vaccine", "yoghurt", "samovar", "跑步机")
"""Searches that nothing in the shop matches, by people of whom nothing is known."""
