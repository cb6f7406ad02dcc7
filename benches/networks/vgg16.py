"""The shape of VGG-16 (Simonyan and Zisserman 2015), 138 M weights drawn at random: what size alone asks of a tool."""

from collections.abc import Iterator

import numpy as np
import onnx

from networks.graph import Graph

SIDE, CLASSES = 224, 1000
POOLED_AFTER = (2, 4, 7, 10, 13)  # convolutions, counted from 1
ONE_PAD = (1, 1, 1, 1)


def preprocess(images: np.ndarray) -> np.ndarray:
    """Turn uint8 [n, 224, 224, 3] into the network's float32 [n, 3, 224, 224], of about unit variance."""
    return np.ascontiguousarray((images.astype(np.float32) / 64 - 2).transpose(0, 3, 1, 2))


def build(tensors: Iterator[tuple[str, np.ndarray]], *, weightless: bool = False) -> onnx.ModelProto:
    """Return the model of the weights in their order: thirteen convolutions, three layers that see everything.

    Args:
        weightless: whether the file holds shapes alone.
    """
    graph = Graph(SIDE, weightless=weightless)
    x, convolutions = "image", 0
    for name, values in tensors:
        kernel, bias = graph.weight(name, values), graph.weight(f"{name}/bias", np.zeros(len(values), np.float32))
        if values.ndim == 4:
            x, convolutions = graph.conv(x, kernel, bias, side=3, pads=ONE_PAD), convolutions + 1
            x = graph.node("Relu", x)
            if convolutions in POOLED_AFTER:
                x = graph.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
            if convolutions == POOLED_AFTER[-1]:
                x = graph.node("Flatten", x)
            continue
        x = graph.node("Gemm", x, kernel, bias, transB=1)
        x = x if len(values) == CLASSES else graph.node("Relu", x)
    return graph.model(x, CLASSES)
