"""Telling the processor which place comes next: in a large shop every item is far away in memory."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LINE_BYTES = 64
AHEAD = 16
"""So many places ahead a loop over random places of an array asks for: about as many loads as a core has under way."""
_WRITE, _LEVEL_1, _LEVEL_2, _DATA = 1, 3, 2, 1


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(_typing: Any, array: Any, place: Any) -> Any:
    """Begin to load `array[place]` (one dimension); no effect on results, any place may be asked for."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _fetch(builder, _address(context, builder, signature, arguments)[0], _LEVEL_1)
        return context.get_dummy_value()

    return types.void(array, place), generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch_row(_typing: Any, array: Any, row: Any) -> Any:
    """Begin to load all of `array[row]` (two dimensions, C order) into the second-level cache; no effect on results."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, shape = _address(context, builder, signature, arguments)
        constant = partial(context.get_constant, types.intp)
        end = builder.add(address, builder.mul(shape[1], constant(signature.args[0].dtype.bitwidth // 8)))
        line = builder.and_(address, constant(-LINE_BYTES))  # a row begins anywhere in a line
        with cgutils.for_range_slice(builder, line, end, constant(LINE_BYTES), inc=True) as (at, _):
            _fetch(builder, at, _LEVEL_2)
        return context.get_dummy_value()

    return types.void(array, row), generate


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> tuple[Any, Any]:
    """Address of the array's place or row as a number, and the array's shape."""
    array, place = arguments
    view = context.make_array(signature.args[0])(context, builder, array)
    stride = cgutils.unpack_tuple(builder, view.strides)[0]
    offset = builder.mul(context.cast(builder, place, signature.args[1], types.intp), stride)
    start = builder.ptrtoint(view.data, offset.type)
    return builder.add(start, offset), cgutils.unpack_tuple(builder, view.shape)


def _fetch(builder: Any, address: Any, level: int) -> None:
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    fetch = builder.module.declare_intrinsic(
        "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    )
    flags = [ir.Constant(number, flag) for flag in (_WRITE, level, _DATA)]
    builder.call(fetch, [builder.inttoptr(address, byte), *flags])


@njit(cache=True, nogil=True)
def gather(values, places):  # type: ignore[no-untyped-def]
    """values[places] for places all over a large array."""
    out = np.empty(len(places), values.dtype)
    for number in range(len(places)):
        if number + AHEAD < len(places):
            prefetch(values, places[number + AHEAD])
        out[number] = values[places[number]]
    return out
