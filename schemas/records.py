"""Input records: what producers write into the event topics and the catalogue.

The types describe the wire form: `msgspec` decodes and checks them in one pass, and the JSON Schemas in
``schemas/json`` are generated from them. On the wire a time may also be text and an optional field null;
`schemas.parse.parse` has replaced both (times by epoch milliseconds, null by the default) before anybody sees the
record, so a reader sees the narrow types.

Written rules for numbers (a record outside of them is refused as ``out_of_range``): ``value`` within ±1e9, ``price``
from 0 to 1e12, ``quantity`` from 1 to 1,000,000, ``position`` from 0 to 1,000,000, vector components within ±1e9.
"""

from __future__ import annotations

import msgspec

from schemas.actions import Action as Action
from schemas.kinds import Kind
from schemas.wire_types import (
    ActionOrDefault,
    Attributes,
    Availability,
    Categories,
    Id,
    Ids,
    Label,
    Millis,
    OptionalIds,
    OptionalMillis,
    Position,
    Price,
    Quantity,
    Value,
    Vectors,
)


class Click(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An action of a user on an item; ``value`` is a rating or the share watched."""

    event_id: Id
    user_id: Id
    item_id: Id
    occurred_at: Millis
    action: ActionOrDefault = Action.CLICK
    value: Value | None = None
    session_id: Label | None = None
    recommendation_id: Label | None = None
    position: Position | None = None
    locale: Label | None = None


class Search(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A query of a user, with the ids of what the shop's own search showed."""

    event_id: Id
    user_id: Id
    query: str
    occurred_at: Millis
    results: OptionalIds = ()
    session_id: Label | None = None
    locale: Label | None = None


class CutSearch(Search, frozen=True, gc=False, omit_defaults=True):
    """A search whose query was longer than the limit and has been cut; never decoded, see `schemas.parse`."""


class Purchase(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A user bought ``quantity`` of an item; ``price`` is that of one."""

    event_id: Id
    user_id: Id
    item_id: Id
    occurred_at: Millis
    quantity: Quantity = 1
    price: Price | None = None
    currency: Label | None = None
    order_id: Label | None = None
    recommendation_id: Label | None = None
    session_id: Label | None = None
    locale: Label | None = None


class Impression(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the front end really showed to a user; sent by it, never made up here."""

    event_id: Id
    user_id: Id
    item_ids: Ids
    occurred_at: Millis
    recommendation_id: Label | None = None


class CatalogItem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A row of the catalogue; a newer one replaces it, a null value deletes it."""

    item_id: Id
    title: str
    description: str | None = None
    categories: Categories = ()
    attributes: Attributes = {}
    price: Price | None = None
    currency: Label | None = None
    available: Availability = True
    expires_at: OptionalMillis = None
    locale: Label | None = None
    vectors: Vectors = {}


class ItemDeletion(msgspec.Struct, frozen=True, gc=False):
    """A catalogue record with a null value."""

    item_id: str


class ItemWithdrawal(msgspec.Struct, frozen=True, gc=False):
    """A catalogue row that was refused: until a good one comes, nobody can say whether its item may be shown."""

    item_id: str


Event = Click | Search | Purchase | Impression
Record = Event | CatalogItem | ItemDeletion
RECORDS: dict[Kind, type[Event | CatalogItem]] = {
    Kind.CLICK: Click,
    Kind.SEARCH: Search,
    Kind.PURCHASE: Purchase,
    Kind.IMPRESSION: Impression,
    Kind.CATALOG: CatalogItem,
}
"""Parsers and JSON Schemas are made from these."""
