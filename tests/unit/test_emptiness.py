"""Why a list is empty."""

from __future__ import annotations

from operators.ranking.emptiness import EmptyCause, why_empty
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from schemas.records import CatalogItem

NOW = 1_772_359_200_000


def test_nothing_is_known() -> None:
    index = ItemIndex(Parameters())
    assert why_empty(index, NOW) is EmptyCause.NO_ITEMS
    index.intern("seen in an event that nobody has learned yet")
    assert why_empty(index, NOW) is EmptyCause.NO_ITEMS


def test_nothing_is_on_sale() -> None:
    index = ItemIndex(Parameters())
    index.set_catalog(CatalogItem("i1", "Tea", available=False))
    index.set_catalog(CatalogItem("i2", "Pot", expires_at=NOW))
    index.delete("i3")
    assert why_empty(index, NOW) is EmptyCause.NONE_AVAILABLE
    assert why_empty(index, NOW - 1) is EmptyCause.LEFT_OUT, "the pot is still there"


def test_a_deleted_catalogue_is_no_missing_one() -> None:
    index = ItemIndex(Parameters())
    index.set_catalog(CatalogItem("i1", "Tea"))
    index.delete("i1")
    assert why_empty(index, NOW) is EmptyCause.NONE_AVAILABLE


def test_the_user_has_had_all_there_is() -> None:
    index = ItemIndex(Parameters())
    index.interactions[index.intern("i1")] = 1.0
    assert why_empty(index, NOW) is EmptyCause.LEFT_OUT
