"""Put an ONNX graph together node by node: weights go in under their own names, activations are numbered.

Every method takes and returns the name of an activation. Constants are nodes, not initializers, so that a model's
initializers are its trained numbers and nothing else.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
IR_VERSION = 9


class Graph:
    """A graph of one image input, "image" of [batch, 3, side, side], and one output, "logits" of [batch, classes].

    Args:
        weightless: whether the shapes of the weights are all that goes in, as zeros that no file holds.
    """

    def __init__(self, side: int, *, weightless: bool = False) -> None:
        self.image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, side, side])
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.weightless = weightless

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Add a node of one output and return that output's name."""
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def weight(self, name: str, values: np.ndarray) -> str:
        if self.weightless:
            shape = self.node("Constant", value=numpy_helper.from_array(np.array(values.shape, np.int64)))
            self.nodes.append(helper.make_node("ConstantOfShape", [shape], [name], name=name))
            return name
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
        return name

    def constant(self, value: float) -> str:
        return self.node("Constant", value=numpy_helper.from_array(np.float32(value)))

    def conv(self, x: str, *weights: str, side: int, pads: Sequence[int], stride: int = 1, groups: int = 1) -> str:
        """Add a square convolution; `weights` are the names of the kernel and, if there is one, of the bias."""
        shape = {"kernel_shape": [side, side], "strides": [stride, stride], "pads": list(pads), "group": groups}
        return self.node("Conv", x, *weights, **shape)

    def model(self, logits: str, classes: int) -> onnx.ModelProto:
        """Return the checked model whose output is the activation `logits`. Raises onnx.checker.ValidationError."""
        self.nodes.append(helper.make_node("Identity", [logits], ["logits"], name="logits"))
        output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])
        graph = helper.make_graph(self.nodes, "network", [self.image], [output], self.weights)
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="attar benches")
        onnx.checker.check_model(model, full_check=True)
        return model
