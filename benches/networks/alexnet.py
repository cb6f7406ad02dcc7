"""AlexNet (Krizhevsky et al. 2012) as one graph with the groups of its two GPUs: 60,965,224 parameters.

The plan is Caffe's: a picture of 227 x 227, local response normalization in front of the first two poolings.
"""

from collections.abc import Mapping

import numpy as np
import onnx

from networks.graph import Graph
from networks.shapes import Shape

SIDE, CLASSES, PARAMETERS = 227, 1000, 60_965_224
FLAT = 256 * 6 * 6  # what the last pooling leaves of a picture
CONVS: dict[str, tuple[Shape, int, int, int]] = {  # kernel, stride, padding, groups
    "conv1": ((96, 3, 11, 11), 4, 0, 1),
    "conv2": ((256, 48, 5, 5), 1, 2, 2),
    "conv3": ((384, 256, 3, 3), 1, 1, 1),
    "conv4": ((384, 192, 3, 3), 1, 1, 2),
    "conv5": ((256, 192, 3, 3), 1, 1, 2),
}
MATRICES = {"fc6": (4096, FLAT), "fc7": (4096, 4096), "fc8": (CLASSES, 4096)}
NORMED, POOLED = ("conv1", "conv2"), ("conv1", "conv2", "conv5")


def shapes() -> dict[str, Shape]:
    """Return the shape of every weight and bias, in the order of the layers."""
    layers = {name: kernel for name, (kernel, *_) in CONVS.items()} | MATRICES
    return {
        f"{name}.{part}": shape if part == "weight" else shape[:1]
        for name, shape in layers.items()
        for part in ("weight", "bias")
    }


def build(state: Mapping[str, np.ndarray], *, weightless: bool = False) -> onnx.ModelProto:
    """Return the model of weights named as in `shapes`; `weightless`: the file holds shapes alone."""
    graph = Graph(SIDE, weightless=weightless)
    x = "image"
    for name, ((_, _, side, _), stride, pad, groups) in CONVS.items():
        x = graph.conv(x, *_weights(graph, state, name), side=side, pads=[pad] * 4, stride=stride, groups=groups)
        x = graph.node("Relu", x)
        x = graph.node("LRN", x, size=5, alpha=1e-4, beta=0.75) if name in NORMED else x
        x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]) if name in POOLED else x
    x = graph.node("Flatten", x)
    for name in MATRICES:
        x = graph.node("Gemm", x, *_weights(graph, state, name), transB=1)
        x = graph.node("Relu", x) if name != "fc8" else x
    return graph.model(x, CLASSES)


def _weights(graph: Graph, state: Mapping[str, np.ndarray], name: str) -> list[str]:
    return [graph.weight(f"{name}.{part}", state[f"{name}.{part}"]) for part in ("weight", "bias")]
