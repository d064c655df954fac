"""Telling the processor which row comes next: in a large shop every row is far away in memory."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LINE_BYTES = 64
_WRITE, _LEVEL_2, _DATA = 1, 2, 1


@intrinsic  # type: ignore[untyped-decorator]
def prefetch_row(_typing: Any, array: Any, row: Any) -> Any:
    """Begin to load all of ``array[row]`` (two dimensions, C order) into the second-level cache; no effect on results."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        view = context.make_array(kind)(context, builder, arguments[0])
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        stride = cgutils.unpack_tuple(builder, view.strides)[0]
        width = cgutils.unpack_tuple(builder, view.shape)[1]
        size = builder.mul(width, context.get_constant(types.intp, kind.dtype.bitwidth // 8))
        byte = ir.IntType(8).as_pointer()
        start = builder.bitcast(view.data, byte)
        number = ir.IntType(32)
        fetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte], ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        )
        flags = [ir.Constant(number, flag) for flag in (_WRITE, _LEVEL_2, _DATA)]
        offset = builder.mul(index, stride)
        step = context.get_constant(types.intp, LINE_BYTES)
        with cgutils.for_range_slice(builder, context.get_constant(types.intp, 0), size, step, inc=True) as (at, _):
            builder.call(fetch, [builder.gep(start, [builder.add(offset, at)]), *flags])
        return context.get_dummy_value()

    return types.void(array, row), generate
