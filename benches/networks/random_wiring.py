"""Randomly wired stages (Xie et al. 2019): many tensors are live at once, so the order of operators decides the memory.

A stage is a ring of nodes, each joined to its nearest ones; some edges are moved at random (Watts and Strogatz 1998),
and all of them lead from the lower node to the higher. A node adds its inputs up and puts ReLU, a depthwise separable
convolution and nothing else behind. It stands for networks with branches that no table of sizes lists.
"""

import numpy as np
import onnx

from networks.graph import Graph

SIDE, CLASSES = 224, 1000
NODES, NEIGHBORS, REWIRED = 32, 4, 0.75
CHANNELS = (78, 156)  # by stage; each stage halves the side of the picture
ONE_PAD, NO_PAD = [1, 1, 1, 1], [0, 0, 0, 0]

Edges = list[tuple[int, int]]


def ring(rng: np.random.Generator) -> Edges:
    """Return the edges of one stage, each from the lower node to the higher."""
    edges: set[tuple[int, int]] = set()
    for distance in range(1, NEIGHBORS // 2 + 1):
        for node in range(NODES):
            other = (node + distance) % NODES
            if rng.random() < REWIRED:
                free = [n for n in range(NODES) if n != node and (min(n, node), max(n, node)) not in edges]
                other = int(rng.choice(free))
            edges.add((min(node, other), max(node, other)))
    return sorted(edges)


def build(seed: int = 0) -> onnx.ModelProto:
    """Return the shapes of a network of two random stages."""
    graph, rng = Graph(SIDE, weightless=True), np.random.default_rng(seed)
    before = CHANNELS[0] // 2
    x = conv(graph, "image", (before, 3, 3, 3), stride=2)
    x = conv(graph, graph.node("Relu", x), (before, before, 3, 3), stride=2)
    for channels in CHANNELS:
        x, before = stage(graph, x, before, channels, ring(rng)), channels
    x = graph.node("Flatten", graph.node("GlobalAveragePool", graph.node("Relu", x)))
    x = graph.node("Gemm", x, weight(graph, (CLASSES, before)), transB=1)
    return graph.model(x, CLASSES)


def stage(graph: Graph, x: str, before: int, channels: int, edges: Edges) -> str:
    """Add one stage; nodes that nobody leads to read `x` and halve it, those that lead nowhere are averaged."""
    made: list[str] = []
    for node in range(NODES):
        reads = [made[low] for low, high in edges if high == node]
        y = graph.node("Relu", graph.node("Sum", *reads) if reads else x)
        inputs = channels if reads else before
        y = conv(graph, y, (inputs, 1, 3, 3), stride=1 if reads else 2, groups=inputs)
        made.append(conv(graph, y, (channels, inputs, 1, 1)))
    return graph.node("Mean", *(made[node] for node in range(NODES) if all(low != node for low, _ in edges)))


def conv(graph: Graph, x: str, kernel: tuple[int, int, int, int], *, stride: int = 1, groups: int = 1) -> str:
    side = kernel[-1]
    pads = ONE_PAD if side == 3 else NO_PAD
    return graph.conv(x, weight(graph, kernel), side=side, pads=pads, stride=stride, groups=groups)


def weight(graph: Graph, shape: tuple[int, ...]) -> str:
    """Add weights without values, and return their name."""
    return graph.weight(f"weight_{len(graph.nodes)}", np.broadcast_to(np.float32(0), shape))
