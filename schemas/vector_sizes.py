"""All vectors of one name have one number of components, in the whole catalogue."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.catalog_fields import FieldFault
from schemas.records import CatalogItem
from schemas.rejection import Rejection, RejectionCode, quoted

MAX_NAMES = 1_000
"""Names that are remembered; vectors of further names are not compared."""


class VectorSizes:
    """Components of each name's vectors: those of the first one. A model with other vectors needs another name."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def note(self, item: CatalogItem) -> None:
        """Remember the sizes of names that were not seen before."""
        for name, vector in item.vectors.items():
            if name not in self._sizes and len(self._sizes) < MAX_NAMES:
                self._sizes[name] = len(vector)

    def fit(self, item: CatalogItem, faults: list[FieldFault]) -> CatalogItem:
        """The item without the vectors that do not fit, which are added to ``faults``; notes the others."""
        misfits = [name for name, vector in item.vectors.items() if self._sizes.get(name, len(vector)) != len(vector)]
        if misfits:
            faults.extend(FieldFault("vectors", self._problem(name, len(item.vectors[name]))) for name in misfits)
            kept = {name: vector for name, vector in item.vectors.items() if name not in misfits}
            item = replace(item, vectors=kept)
        self.note(item)
        return item

    def _problem(self, name: str, size: int) -> Rejection:
        message = f"vectors[{quoted(name)}] has {size} components, the first one of that name {self._sizes[name]}"
        return Rejection(RejectionCode.OUT_OF_RANGE, message, "give the vectors of another model another name")
