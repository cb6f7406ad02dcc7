"""Operators that go number by number, alone or with a second tensor, and shares of a whole."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .growth import Growth, Tensor

PLAIN = (
    "Relu",
    "Sigmoid",
    "Tanh",
    "Elu",
    "Selu",
    "HardSigmoid",
    "Softplus",
    "Softsign",
    "Abs",
    "Neg",
    "Erf",
    "LeakyRelu",
)
PLAIN += ("ThresholdedRelu", "Celu", "Sin", "Cos", "Floor", "Round", "Sign")
SINCE = {"Round": 11, "Celu": 12, "HardSwish": 14, "Mish": 18, "Gelu": 20}


def function(net: Growth, x: Tensor) -> Tensor:
    allowed = [*PLAIN, *(op for op, opset in SINCE.items() if op not in PLAIN and net.opset >= opset)]
    op = net.choose(*(op for op in allowed if net.opset >= SINCE.get(op, 0)))
    return net.add(op, [x.name], x.shape)


def clamp(net: Growth, x: Tensor) -> Tensor:
    limits = net.choose((0.0, 6.0), (-1.0, 1.0), (0.0, None), (None, 0.5), (-0.25, 3.0), (0.5, 0.5))
    if net.opset < 11:
        fields = {name: end for name, end in zip(("min", "max"), limits, strict=True) if end is not None}
        return net.add("Clip", [x.name], x.shape, **fields)
    names = ["" if end is None else net.hold(np.float32(end), "limit") for end in limits]
    while names and not names[-1]:
        names.pop()
    return net.add("Clip", [x.name, *names], x.shape)


def swish(net: Growth, x: Tensor) -> Tensor:
    return net.add("Mul", [x.name, net.add("Sigmoid", [x.name], x.shape).name], x.shape)


def gelu(net: Growth, x: Tensor) -> Tensor:
    """As exporters spell it: x (1 + erf(x / sqrt 2)) / 2."""
    inner = net.add("Div", [x.name, net.hold(np.float32(2**0.5))], x.shape)
    one = net.add("Add", [net.add("Erf", [inner.name], x.shape).name, net.hold(np.float32(1))], x.shape)
    both = net.add("Mul", [x.name, one.name], x.shape)
    return net.add("Mul", [both.name, net.hold(np.float32(0.5))], x.shape)


def with_constant(net: Growth, x: Tensor) -> Tensor:
    op = net.choose("Add", "Sub", "Mul", "Div", "Max", "Min")
    shape = [extent if net.chance(0.5) else 1 for extent in x.shape]
    values = np.float32(net.floats(*net.choose((), (1,), tuple(shape), (1, *shape))))
    if op == "Div":
        values = np.float32(np.abs(values) + 0.5)
    pair = [x.name, net.hold(values)]
    return net.add(op, pair if op == "Div" or net.chance(0.6) else pair[::-1], x.shape)


def with_another(net: Growth, x: Tensor) -> Tensor | None:
    y = net.other(x)
    if y is None:
        return None
    return net.add(net.choose("Add", "Add", "Sub", "Mul", "Max", "Min"), [x.name, y.name], x.shape)


def of_several(net: Growth, x: Tensor) -> Tensor:
    others = [net.other(x) or x for _ in range(net.number(0, 2))]
    return net.add(net.choose("Sum", "Mean", "Max"), [x.name, *(one.name for one in others)], x.shape)


def slopes(net: Growth, x: Tensor) -> Tensor | None:
    if not x.shape:
        return None
    shape = [x.shape[0], *[1] * (len(x.shape) - 1)]
    values = np.abs(net.floats(*shape, spread=0.3)) * np.float32(net.choose(1, 1, 1, 0))
    return net.add("PRelu", [x.name, net.hold(values, "slopes")], x.shape)


def shares(net: Growth, x: Tensor) -> Tensor | None:
    if not x.shape:
        return None
    axis = net.number(1, len(x.shape))
    return net.add(net.choose("Softmax", "Softmax", "LogSoftmax"), [x.name], x.shape, axis=axis)


def power(net: Growth, x: Tensor) -> Tensor:
    if net.chance(0.5):
        return net.add("Pow", [x.name, net.hold(np.float32(net.choose(2, 3)))], x.shape)
    return net.add("Sqrt", [net.add("Abs", [x.name], x.shape).name], x.shape)


def where(net: Growth, x: Tensor) -> Tensor:
    above = net.plain(net.choose("Greater", "Less"), [x.name, net.hold(np.float32(0.1))])
    y = net.other(x)
    return net.add("Where", [above, x.name, y.name if y else net.hold(np.float32(-0.2))], x.shape)


def always_zero(net: Growth, x: Tensor) -> Tensor:
    """A tensor that no sample makes anything but zero, beside the one that there was."""
    if net.chance(0.5):
        zero = net.add("Mul", [x.name, net.hold(np.float32(0))], x.shape)
    else:
        zero = net.add("Sub", [x.name, x.name], x.shape)
    return net.add("Add", [x.name, zero.name], x.shape) if net.chance(0.7) else zero


def bounded_below(net: Growth, x: Tensor) -> Tensor:
    """Never negative, then never positive: Relu of what Relu let through with its sign turned."""
    seen = net.add("Neg", [net.add("Relu", [x.name], x.shape).name], x.shape)
    return net.add("Relu", [seen.name], x.shape) if net.chance(0.3) else seen


def handed_on(net: Growth, x: Tensor) -> Tensor:
    op = net.choose("Identity", "Dropout", "Cast", "there and back")
    if op == "Cast":
        return net.add("Cast", [x.name], x.shape, to=1)
    if op == "there and back":
        return net.add("Cast", [net.plain("Cast", [x.name], to=11)], x.shape, to=1)
    return net.add(op, [x.name], x.shape)


def cumulated(net: Growth, x: Tensor) -> Tensor | None:
    if not x.shape or net.opset < 11:
        return None
    return net.add("CumSum", [x.name, net.hold(np.int64(net.number(1, len(x.shape))))], x.shape)


def branches(net: Growth, x: Tensor) -> Tensor:
    """An If whose bodies read what is outside, one of them a constant of its own."""
    flag = net.hold(np.bool_(net.chance(0.5)), "flag")
    if net.chance(0.5):
        total = net.plain("ReduceMax", [x.name], keepdims=0)
        flag = net.plain("Greater", [total, net.hold(np.float32(-1e6))])
    bodies = []
    for number in range(2):
        out, inner = net.name(), net.name("inner")
        value = helper.make_tensor_value_info(out, TensorProto.FLOAT, [None] * (len(x.shape) + 1))
        held = numpy_helper.from_array(net.floats(x.shape[-1] if x.shape else 1), inner)
        nodes = [helper.make_node(net.choose("Add", "Mul"), [x.name, inner], [out])]
        bodies.append(helper.make_graph(nodes, f"body{number}", [], [value], [held]))
    return net.add("If", [flag], x.shape, then_branch=bodies[0], else_branch=bodies[1])


FUNCTIONS = (function, function, function, function, clamp, clamp, swish, gelu, with_constant, with_constant)
FUNCTIONS += (with_another, with_another, of_several, slopes, shares, power, where, always_zero, bounded_below)
FUNCTIONS += (handed_on, cumulated, branches)
