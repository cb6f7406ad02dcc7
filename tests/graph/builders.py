"""Files that `load` must read or refuse: weights in a second file, in every wrong way."""

from pathlib import Path

import onnx
from common.networks import build, normal


def with_external(location: str, **entries: object) -> onnx.ModelProto:
    """A MatMul whose weights (2 x 3 floats, 24 bytes) lie in file `location`."""
    model = build("net (float[batch, 2] x) => (float[batch, 3] y) { y = MatMul (x, w) }", {"w": normal(2, 3)})
    make_external(model.graph.initializer[0], location, **entries)
    return model


def make_external(tensor: onnx.TensorProto, location: str, **entries: object) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))


def save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path
