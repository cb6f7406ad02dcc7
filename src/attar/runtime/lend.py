"""Hand large weights to onnxruntime where they lie, instead of as copies inside a serialized model."""

import numpy as np
import onnx_ir as ir

from ..graph.external import bring_in

LENT_BYTES = 1 << 20  # smaller ones go inside: shapes and axes have to be known when the graph is read
LENT_TYPES = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE)


def lend(model: ir.Model) -> tuple[bytes, dict[str, np.ndarray]]:
    """Return the model as bytes that only name its large weights, and these weights by name.

    They have to stay alive, and unchanged, as long as a session that was given them.
    """
    copy = model.clone()
    large = {name: value for name, value in copy.graph.initializers.items() if _is_lent(value.const_value)}
    lent = {name: np.ascontiguousarray(value.const_value.numpy()) for name, value in large.items()}
    for value in large.values():
        value.const_value = ir.tensor(np.zeros(0, np.float32), name=value.name)  # not to be read from its file below
    bring_in(copy)
    for name, values in lent.items():
        dtype = model.graph.initializers[name].const_value.dtype
        large[name].const_value = ir.ExternalTensor(
            "lent", 0, values.nbytes, dtype, shape=ir.Shape(values.shape), name=name
        )
    return ir.to_proto(copy).SerializeToString(), lent


def _is_lent(tensor: ir.TensorProtocol) -> bool:
    return tensor.nbytes >= LENT_BYTES and tensor.dtype in LENT_TYPES
