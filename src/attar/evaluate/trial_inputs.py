"""One sample of inputs to time a network with, where numbers of a normal distribution would not do: indices, masks."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir

from ..graph.constants import VIEWS
from ..graph.flow import sources
from ..graph.load import BROKEN
from ..graph.operators import constant_of, is_default_domain

INDEXED = ("Gather", "GatherElements")
FREE_NUMBERS = 2  # integers that index nothing are below that, which any mask, kind of token or length may be


def trial_inputs(path: Path) -> dict[str, np.ndarray] | None:
    """Return inputs (1, ...) of an ONNX file; None where all are float32, for which any numbers do.

    Integers that look something up are below the number of things to look up; a mask lets all through. Of a file that
    is no network nothing is known: whoever runs it will say so.
    """
    try:
        model = ir.from_proto(onnx.load(str(path), load_external_data=False))
    except BROKEN:
        return None
    return inputs_of(model)


def inputs_of(model: ir.Model) -> dict[str, np.ndarray] | None:
    """Return the same of a network."""
    values = sources(model.graph)
    if all(value.dtype in (None, ir.DataType.FLOAT) for value in values):
        return None
    rng = np.random.default_rng(0)
    return {value.name: _numbers(value, rng) for value in values}


def _numbers(value: ir.Value, rng: np.random.Generator) -> np.ndarray:
    shape = tuple(extent if isinstance(extent, int) else 1 for extent in value.shape or ())
    dtype = (value.dtype or ir.DataType.FLOAT).numpy()
    if dtype.kind == "b":
        return np.ones(shape, dtype)
    if dtype.kind in "iu":
        return rng.integers(0, min(_extents_indexed(value), default=FREE_NUMBERS), shape).astype(dtype)
    return rng.normal(size=shape).astype(dtype)


def _extents_indexed(value: ir.Value) -> Iterator[int]:
    """Yield along how many places the operators look something up that read a value as indices."""
    for use in value.uses():
        node = use.node
        if not is_default_domain(node):
            continue
        if node.op_type in INDEXED and use.idx == 1:
            shape = _shape(node.inputs[0])
            axis = node.attributes.get_int("axis", 0)
            if shape and -len(shape) <= axis < len(shape) and isinstance(shape[axis], int):
                yield max(shape[axis], 1)
        elif node.op_type in VIEWS and use.idx == 0:
            yield from _extents_indexed(node.outputs[0])


def _shape(value: ir.Value) -> tuple:
    tensor = constant_of(value)
    return tuple(tensor.shape) if tensor is not None else tuple(value.shape or ())
