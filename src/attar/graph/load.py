"""Read a network from a path, a ModelProto, an onnx_ir.Model or a torch module, and check it.

Everything that attar does later relies on these checks: what passes here has a known opset, weights that are numbers
and external data that lies inside the model's own folder.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError
from onnx_ir.passes.common import RemoveInitializersFromInputsPass

from ..errors import ModelError, first_line
from ..files import read_file
from ..files.limits import memory_limit
from .batches import settle_batch
from .extents import check_extents
from .external import MAX_FILE_BYTES, bring_in, check_external_data, external_tensors, stored_bytes
from .fold import fold_weights
from .foreign import by_suffix, way_to_onnx
from .hoist import hoist_constants
from .inline import inline_functions
from .sparse import write_out
from .valid import check_opset, check_size, check_structure, parse

FREE_INITIALIZERS = 4  # the first ir_version whose initializers need not be inputs too
BROKEN = (ValueError, TypeError, RuntimeError, KeyError, DecodeError, onnx.shape_inference.InferenceError)
FLOATS = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16, ir.DataType.DOUBLE)


def load(
    source: Any, *, example_inputs: tuple | None = None, fold: bool = True, max_memory_bytes: int | None = None
) -> ir.Model:
    """Return `source` as a checked `onnx_ir.Model`.

    Args:
        source: path of an ONNX file, `onnx.ModelProto`, `onnx_ir.Model`, or `torch.nn.Module` (extra `[train]`).
        example_inputs: positional inputs of a torch module; their first axis becomes the batch.
        max_memory_bytes: refuse tensors that take more together; None weighs them against the file (docs/format.md).
        fold: whether chains of constants in front of weights, their DequantizeLinear too, become plain numbers.

    Raises:
        ModelError: not a network, damaged, of an unsupported opset, or with weights that are not numbers.
    """
    with memory_limit(max_memory_bytes):
        model = _read(source, example_inputs)
        check_opset(model.opset_imports)
        model = _normalized(model, fold=fold)
        settle_batch(model)
    _check_numbers(model)
    return model


def _read(source: Any, example_inputs: tuple | None) -> ir.Model:
    if isinstance(source, ir.Model):
        return _from_model(source)
    if isinstance(source, onnx.ModelProto):
        return _from_proto(source, name="the given ModelProto")
    if isinstance(source, (str, Path)):
        return _from_path(Path(source))
    from .torch_module import export_module  # torch is loaded for torch modules alone

    return export_module(source, example_inputs)


def serialize(model: ir.Model) -> bytes:
    """Return the model as the bytes of an ONNX file, all weights inside."""
    copy = model.clone()
    bring_in(copy)
    return ir.to_proto(copy).SerializeToString(deterministic=True)


def _from_path(path: Path) -> ir.Model:
    proto = _parse(path)
    check_external_data(proto, path)
    return _from_proto(proto, name=str(path), folder=path.parent)


def _from_model(source: ir.Model) -> ir.Model:
    model = source.clone()
    try:
        bring_in(model)
    except (OSError, *BROKEN) as error:
        raise ModelError(f"the given onnx_ir.Model: its data cannot be read: {first_line(error)}") from error
    return model


def _parse(path: Path) -> onnx.ModelProto:
    foreign = way_to_onnx(path)
    if foreign is not None:
        raise ModelError(f"{path}: {foreign}")
    data = read_file(path, error=ModelError, most_bytes=MAX_FILE_BYTES)
    try:
        proto = parse(data)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    except DecodeError as error:
        problem = by_suffix(path) or f"not an ONNX file, or a truncated one ({len(data)} bytes)"
        raise ModelError(f"{path}: {problem}") from error
    # An empty file is a valid, empty protobuf message: the graph tells.
    if not proto.HasField("graph") or not proto.graph.node:
        problem = by_suffix(path) or f"not an ONNX model: {len(data)} bytes without a single operator"
        raise ModelError(f"{path}: {problem}")
    return proto


def _from_proto(proto: onnx.ModelProto, *, name: str, folder: Path | None = None) -> ir.Model:
    """Return the model of a message, its external data looked for in `folder`, or in the current one."""
    elsewhere = folder is None and bool(external_tensors(proto))
    try:
        check_size(proto, stored_bytes=stored_bytes(proto, folder))
        check_structure(proto, path=name if folder else None)
        model = ir.from_proto(write_out(proto, folder=folder))
        ir.external_data.set_base_dir(model.graph, str(folder or "."))
        bring_in(model)
    except (OSError, ModelError, *BROKEN) as error:
        hint = "; its weights lie in other files: give its path, or read it with onnx.load(path)" if elsewhere else ""
        said = error if isinstance(error, ModelError) else f"not a valid ONNX model: {first_line(error)}"
        raise ModelError(f"{name}: {said}{hint}") from error
    return model


def _normalized(model: ir.Model, *, fold: bool) -> ir.Model:
    """Make every weight an initializer, and no initializer an input only because old files had to list it."""
    if model.ir_version < FREE_INITIALIZERS:
        RemoveInitializersFromInputsPass()(model)
        model.ir_version = FREE_INITIALIZERS
    model = inline_functions(model)
    try:
        hoist_constants(model)
        _check_data(model)
        check_extents(model)
        if fold:
            fold_weights(model)
    except (ValueError, TypeError) as error:  # of constants, which nobody has read before
        raise ModelError(f"a constant of the network cannot be read: {first_line(error)}") from error
    return model


def _check_data(model: ir.Model) -> None:
    for name, value in model.graph.initializers.items():
        if value.const_value is None:
            raise ModelError(f"initializer '{name}' has no data")
        try:
            value.const_value.numpy()
        except (ValueError, TypeError, OSError) as error:  # data that does not fit the shape
            raise ModelError(f"initializer '{name}': its data cannot be read: {first_line(error)}") from error


def _check_numbers(model: ir.Model) -> None:
    for name, value in model.graph.initializers.items():
        values = value.const_value.numpy()
        if value.dtype not in FLOATS:
            continue
        bad = int(np.count_nonzero(np.isnan(values)))
        if bad:
            raise ModelError(f"initializer '{name}': {bad} of its {value.const_value.size} values are NaN")
