"""One row of facts for every tensor of a network, from a graph or from a compressed file."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .. import codec
from ..container import AttarFile
from ..graph import layer_macs


@dataclass(frozen=True)
class LayerRow:
    """What `attar inspect` prints about one tensor.

    Attributes:
        name: of the initializer. op_type: the operator that reads it. shape, parameters: of the tensor.
        macs: multiply-accumulates per sample, None where unknown or none. size_bytes: as stored.
        coder: how it is coded, "-" in an ONNX file. bits_per_weight: stored bits per parameter.
        sparsity: share of zeros. distinct: number of distinct values.
    """

    name: str
    op_type: str
    shape: tuple[int, ...]
    parameters: int
    macs: int | None
    size_bytes: int
    coder: str
    bits_per_weight: float
    sparsity: float
    distinct: int


def rows_of_model(model: ir.Model) -> list[LayerRow]:
    """Return a row for every initializer of an ONNX graph."""
    macs, readers = layer_macs(model), _readers(model)
    return [
        _row(name, readers.get(name, "-"), value.const_value.numpy(), macs.get(name), value.const_value.nbytes, "-")
        for name, value in model.graph.initializers.items()
    ]


def rows_of_file(file: AttarFile) -> list[LayerRow]:
    """Return a row for every tensor of a compressed file."""
    model = file.model() if file.has_graph else None
    macs = layer_macs(model) if model is not None else {}
    readers = _readers(model) if model is not None else {}
    return [
        _row(e.name, readers.get(e.name, "-"), file.tensor(e.name), macs.get(e.name), e.length, codec.describe(e.coder))
        for e in file.entries
    ]


def float_bytes(model: ir.Model) -> int:
    """Return the bytes of all floating point initializers at 4 bytes a value: what the ratio is against."""
    return 4 * sum(v.const_value.size for v in model.graph.initializers.values() if v.dtype.is_floating_point())


def _readers(model: ir.Model) -> dict[str, str]:
    return {n: v.uses()[0].node.op_type for n, v in model.graph.initializers.items() if v.uses()}


def _row(name: str, op_type: str, values: np.ndarray, macs: int | None, size_bytes: int, coder: str) -> LayerRow:
    count = values.size
    zeros = count - int(np.count_nonzero(values))
    bits = 8 * size_bytes / count if count else 0.0
    share = zeros / count if count else 0.0
    return LayerRow(name, op_type, values.shape, count, macs, size_bytes, coder, bits, share, _distinct(values))


def _distinct(values: np.ndarray) -> int:
    """Count distinct bit patterns; numbers of 2 bytes are compared as integers, which is also the faster way."""
    contiguous = np.ascontiguousarray(values).reshape(-1)
    return len(np.unique(contiguous.view(f"u{values.dtype.itemsize}"))) if contiguous.size else 0
