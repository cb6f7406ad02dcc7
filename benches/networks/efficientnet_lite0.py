"""EfficientNet-Lite0 (ImageNet, 224 x 224) with the weights of its checkpoint, batch norms kept as nodes.

The plan is that of EfficientNet-B0 (Tan & Le 2019, table 1) less squeeze-and-excitation, with ReLU6 for swish. All
shapes are those of the weights; the strides are the only thing that a checkpoint doesn't say.
"""

import numpy as np
import onnx

from networks.graph import Graph

SIDE, CLASSES = 224, 1000
MEAN, SCALE = 127.0, 128.0
NORM_EPSILON = 1e-3
BLOCKS = 16
HALVING = (1, 3, 5, 11)  # the blocks of stride 2
NORM = ("weight", "bias", "running_mean", "running_var")  # in the order of ONNX's inputs

State = dict[str, np.ndarray]


def preprocess(images: np.ndarray) -> np.ndarray:
    """Turn uint8 [n, 224, 224, 3] into the network's float32 [n, 3, 224, 224]."""
    scaled = (images.astype(np.float32) - np.float32(MEAN)) / np.float32(SCALE)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def build(state: State) -> onnx.ModelProto:
    """Return the model of a state dict with torch's names, which the initializers keep."""
    graph = Graph(SIDE)
    x = active(graph, normed_conv(graph, "image", state, "_conv_stem", "_bn0", stride=2))
    for index in range(BLOCKS):
        x = block(graph, x, state, f"_blocks.{index}", stride=2 if index in HALVING else 1)
    x = active(graph, normed_conv(graph, x, state, "_conv_head", "_bn1"))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    names = [graph.weight(name, state[name]) for name in ("_fc.weight", "_fc.bias")]
    return graph.model(graph.node("Gemm", x, *names, transB=1), CLASSES)


def block(graph: Graph, x: str, state: State, name: str, *, stride: int) -> str:
    """Add an inverted bottleneck: expand (not in the first block), depthwise, project, and the input where it fits."""
    expand, depthwise, project = (f"{name}._{part}_conv" for part in ("expand", "depthwise", "project"))
    y, channels = x, len(state[f"{depthwise}.weight"])
    if f"{expand}.weight" in state:
        channels = state[f"{expand}.weight"].shape[1]
        y = active(graph, normed_conv(graph, y, state, expand, f"{name}._bn0"))
    y = active(graph, normed_conv(graph, y, state, depthwise, f"{name}._bn1", stride=stride))
    y = normed_conv(graph, y, state, project, f"{name}._bn2")
    return graph.node("Add", y, x) if stride == 1 and channels == len(state[f"{project}.weight"]) else y


def normed_conv(graph: Graph, x: str, state: State, conv: str, norm: str, *, stride: int = 1) -> str:
    """Add a convolution without bias and its batch norm; one input channel a kernel means depthwise."""
    kernel = state[f"{conv}.weight"]
    outputs, inputs, side, _ = kernel.shape
    groups = outputs if inputs == 1 else 1
    weight = graph.weight(f"{conv}.weight", kernel)
    y = graph.conv(x, weight, side=side, pads=same(side, stride), stride=stride, groups=groups)
    names = [graph.weight(f"{norm}.{part}", state[f"{norm}.{part}"]) for part in NORM]
    return graph.node("BatchNormalization", y, *names, epsilon=NORM_EPSILON)


def same(side: int, stride: int) -> list[int]:
    """Return TensorFlow's padding "same" of an even image, ONNX's order: the odd one goes below and to the right."""
    total = max(side - stride, 0)
    return [total // 2, total // 2, total - total // 2, total - total // 2]


def active(graph: Graph, x: str) -> str:
    return graph.node("Clip", x, graph.constant(0), graph.constant(6))
