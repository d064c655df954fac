"""Field types of the input records, each with two faces.

To a type checker they are what a reader of a parsed record finds. At run time they are the wire form with its bounds,
which `msgspec` checks while it decodes and from which the JSON Schemas are generated: there a time may also be text,
and a field with a default may be null. `schemas.parse` closes the gap between the two before it hands a record out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

from msgspec import Meta

from schemas.actions import Action

MAX_ID_BYTES = 256
MAX_LABEL_CHARS = 256
MAX_VALUE = 1e9
MAX_PRICE = 1e12
MAX_QUANTITY = 1_000_000
MAX_POSITION = 1_000_000
MAX_COMPONENT = 1e9  # far inside float32, which vectors are kept in

Scalar: TypeAlias = str | int | float | bool | None

if TYPE_CHECKING:
    Id: TypeAlias = str
    Label: TypeAlias = str
    Millis: TypeAlias = int
    OptionalMillis: TypeAlias = int | None
    ActionOrDefault: TypeAlias = Action
    Quantity: TypeAlias = int
    Position: TypeAlias = int
    Value: TypeAlias = float
    Price: TypeAlias = float
    Availability: TypeAlias = bool
    Ids: TypeAlias = tuple[str, ...]
    OptionalIds: TypeAlias = tuple[str, ...]
    Categories: TypeAlias = tuple[str, ...]
    Attributes: TypeAlias = dict[str, Scalar | tuple[Scalar, ...]]
    Vectors: TypeAlias = dict[str, tuple[float, ...]]
else:
    _Name = Annotated[str, Meta(min_length=1, max_length=MAX_LABEL_CHARS)]
    _Component = Annotated[float, Meta(ge=-MAX_COMPONENT, le=MAX_COMPONENT)]
    _Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    _Value = str | _Integer | float | bool | None

    Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES, description="opaque id, 1 to 256 bytes of UTF-8")]
    Label = Annotated[str, Meta(max_length=MAX_LABEL_CHARS)]
    Millis = Annotated[int | str, Meta(description="epoch milliseconds (number or digits), or RFC 3339 with a zone")]
    OptionalMillis = Annotated[int | str | None, Meta(description="as occurred_at; null: never")]
    ActionOrDefault = Action | None
    Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)] | None
    Position = Annotated[int, Meta(ge=0, le=MAX_POSITION)]
    Value = Annotated[float, Meta(ge=-MAX_VALUE, le=MAX_VALUE)]
    Price = Annotated[float, Meta(ge=0, le=MAX_PRICE)]
    Availability = bool | None
    Ids = tuple[Id, ...]
    OptionalIds = tuple[Id, ...] | None
    Categories = tuple[_Name, ...] | None
    Attributes = dict[_Name, _Value | tuple[_Value, ...]] | None
    Vectors = dict[_Name, tuple[_Component, ...]] | None
