"""SqueezeNet 1.1 (ImageNet, 224 x 224) with the weights that the package `ndf` carries: a pickle of numpy arrays.

The plan is SqueezeNet's own (Iandola et al. 2016, version 1.1); the weights are Caffe's, converted through Keras, so
the network wants blue first and only a mean taken off, and kernels lie as height, width, inputs, outputs.
"""

import numpy as np
import onnx

from networks.graph import Graph

SIDE, CLASSES = 224, 1000
MEAN = (103.939, 116.779, 123.68)  # of blue, green, red
POOLED_AFTER = ("conv1", "fire3", "fire5")
FIRES = tuple(f"fire{index}" for index in range(2, 10))
NO_PADS, ONE_PAD = (0, 0, 0, 0), (1, 1, 1, 1)

State = dict[str, tuple[np.ndarray, np.ndarray]]


def preprocess(images: np.ndarray) -> np.ndarray:
    """Turn uint8 [n, 224, 224, 3] into the network's float32 [n, 3, 224, 224]."""
    centered = images[..., ::-1].astype(np.float32) - np.float32(MEAN)
    return np.ascontiguousarray(centered.transpose(0, 3, 1, 2))


def build(state: State) -> onnx.ModelProto:
    """Return the model of {layer: (kernel, bias)}."""
    graph = Graph(SIDE)
    x = pooled(graph, conv(graph, "image", state, "conv1", stride=2), "conv1")
    for name in FIRES:
        x = pooled(graph, fire(graph, x, state, name), name)
    x = conv(graph, x, state, "conv10")
    return graph.model(graph.node("Flatten", graph.node("GlobalAveragePool", x)), CLASSES)


def fire(graph: Graph, x: str, state: State, name: str) -> str:
    """Add a squeeze to few channels, and the two expansions of it side by side."""
    squeezed = conv(graph, x, state, f"{name}/squeeze1x1")
    narrow = conv(graph, squeezed, state, f"{name}/expand1x1")
    wide = conv(graph, squeezed, state, f"{name}/expand3x3", pads=ONE_PAD)
    return graph.node("Concat", narrow, wide, axis=1)


def conv(graph: Graph, x: str, state: State, name: str, *, stride: int = 1, pads: tuple[int, ...] = NO_PADS) -> str:
    kernel, bias = state[name]
    names = graph.weight(f"{name}.weight", kernel.transpose(3, 2, 0, 1)), graph.weight(f"{name}.bias", bias)
    return graph.node("Relu", graph.conv(x, *names, side=kernel.shape[0], pads=pads, stride=stride))


def pooled(graph: Graph, x: str, name: str) -> str:
    """Add the pooling that follows layer `name`, if one does."""
    if name not in POOLED_AFTER:
        return x
    return graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
