"""ResNet-18 (He et al. 2016, table 1) with batch norms as nodes: 11,689,512 parameters, running statistics not counted.

Weights have torchvision's names. A stage begins with stride 2 and a 1 x 1 convolution on the way around, the first
stage excepted.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import onnx

from networks.graph import Graph
from networks.shapes import Shape

SIDE, CLASSES, PARAMETERS = 224, 1000, 11_689_512
CHANNELS, BLOCKS = (64, 128, 256, 512), 2
NORM = ("weight", "bias", "running_mean", "running_var")  # in the order of ONNX's inputs
STATISTICS = NORM[2:]


def blocks() -> Iterator[tuple[str, int, int, int]]:
    """Yield every block: its name, its channels in and out, its stride."""
    before = CHANNELS[0]
    for stage, channels in enumerate(CHANNELS, start=1):
        for index in range(BLOCKS):
            yield f"layer{stage}.{index}", before, channels, 2 if stage > 1 and index == 0 else 1
            before = channels


def shapes() -> dict[str, Shape]:
    """Return the shape of every weight and statistic, in the order of the layers."""
    found = _normed("conv1", "bn1", (CHANNELS[0], 3, 7, 7))
    for name, before, channels, stride in blocks():
        found |= _normed(f"{name}.conv1", f"{name}.bn1", (channels, before, 3, 3))
        found |= _normed(f"{name}.conv2", f"{name}.bn2", (channels, channels, 3, 3))
        if stride > 1:
            found |= _normed(f"{name}.downsample.0", f"{name}.downsample.1", (channels, before, 1, 1))
    return found | {"fc.weight": (CLASSES, CHANNELS[-1]), "fc.bias": (CLASSES,)}


def trained_shapes() -> dict[str, Shape]:
    """Return the shapes without the statistics: what counts as parameters."""
    return {name: shape for name, shape in shapes().items() if not name.endswith(STATISTICS)}


def build(state: Mapping[str, np.ndarray], *, weightless: bool = False) -> onnx.ModelProto:
    """Return the model of weights named as in `shapes`; `weightless`: the file holds shapes alone."""
    graph = Graph(SIDE, weightless=weightless)
    x = graph.node("Relu", normed_conv(graph, "image", state, "conv1", "bn1", stride=2))
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for name, _, _, stride in blocks():
        x = block(graph, x, state, name, stride=stride)
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    names = [graph.weight(name, state[name]) for name in ("fc.weight", "fc.bias")]
    return graph.model(graph.node("Gemm", x, *names, transB=1), CLASSES)


def block(graph: Graph, x: str, state: Mapping[str, np.ndarray], name: str, *, stride: int) -> str:
    """Add two convolutions and the way around them."""
    y = graph.node("Relu", normed_conv(graph, x, state, f"{name}.conv1", f"{name}.bn1", stride=stride))
    y = normed_conv(graph, y, state, f"{name}.conv2", f"{name}.bn2")
    if stride > 1:
        x = normed_conv(graph, x, state, f"{name}.downsample.0", f"{name}.downsample.1", stride=stride)
    return graph.node("Relu", graph.node("Add", y, x))


def normed_conv(graph: Graph, x: str, state: Mapping[str, np.ndarray], conv: str, norm: str, *, stride: int = 1) -> str:
    """Add a convolution without bias, padded by half its kernel, and its batch norm."""
    kernel = state[f"{conv}.weight"]
    side = kernel.shape[-1]
    y = graph.conv(x, graph.weight(f"{conv}.weight", kernel), side=side, pads=[side // 2] * 4, stride=stride)
    names = [graph.weight(f"{norm}.{part}", state[f"{norm}.{part}"]) for part in NORM]
    return graph.node("BatchNormalization", y, *names, epsilon=1e-5)


def _normed(conv: str, norm: str, kernel: Shape) -> dict[str, Shape]:
    return {f"{conv}.weight": kernel} | {f"{norm}.{part}": kernel[:1] for part in NORM}
