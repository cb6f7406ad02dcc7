"""Layers with weights, of every kind that attar treats and some that it leaves alone."""

import numpy as np

from .growth import Growth, Tensor


def gemm(net: Growth, x: Tensor) -> Tensor | None:
    if len(x.shape) != 1:
        return None
    terms, outputs, turned = x.shape[0], net.number(1, 12), net.chance(0.6)
    shape = (outputs, terms) if turned else (terms, outputs)
    inputs = [x.name, net.weights(*shape, terms=terms, axis=0 if turned else 1)]
    if net.opset < 11 or net.chance(0.8):
        inputs.append(net.hold(net.floats(*net.choose((outputs,), (1, outputs), (1,))), "bias"))
    scales = {"alpha": float(net.choose(0.5, 2.0, -1.5, 1.0)), "beta": float(net.choose(0.25, 1.0, -2.0, 0.0))}
    return net.add("Gemm", inputs, [outputs], transB=int(turned), **(scales if net.chance(0.3) else {}))


def matmul(net: Growth, x: Tensor) -> Tensor | None:
    if not 1 <= len(x.shape) <= 3:
        return None
    terms, outputs = x.shape[-1], net.number(1, 10)
    made = net.add("MatMul", [x.name, net.weights(terms, outputs, terms=terms, axis=1)], [*x.shape[:-1], outputs])
    if net.chance(0.6):
        pair = [made.name, net.hold(net.floats(outputs), "bias")]
        made = net.add("Add", pair if net.chance(0.5) else pair[::-1], made.shape)
    return made


def matmul_from_the_left(net: Growth, x: Tensor) -> Tensor | None:
    if len(x.shape) < 2:
        return None
    rows, terms = net.number(1, 6), x.shape[-2]
    return net.add("MatMul", [net.weights(rows, terms, terms=terms), x.name], [*x.shape[:-2], rows, x.shape[-1]])


def convolution(net: Growth, x: Tensor, *, depthwise: bool = False) -> Tensor | None:
    if not 2 <= len(x.shape) <= 3:
        return None
    channels, *extents = x.shape
    groups = channels if depthwise else net.choose(1, 1, 1, 2 if channels % 2 == 0 else 1)
    outputs = groups * net.number(1, 2 if depthwise else 6)
    window, out = _window(net, extents)
    each = channels // groups
    weights = net.weights(outputs, each, *window["kernel_shape"], terms=each * int(np.prod(window["kernel_shape"])))
    inputs = [x.name, weights, *([net.hold(net.floats(outputs), "bias")] if net.chance(0.6) else [])]
    return net.add("Conv", inputs, [outputs, *out], group=groups, **window)


def depthwise(net: Growth, x: Tensor) -> Tensor | None:
    return convolution(net, x, depthwise=True)


def _window(net: Growth, extents: list[int]) -> tuple[dict, list[int]]:
    kernel, strides, dilations, begins, ends, out = [], [], [], [], [], []
    for extent in extents:
        taps, stride, dilation = net.number(1, 3), net.choose(1, 1, 2), net.choose(1, 1, 1, 2)
        span = (taps - 1) * dilation + 1
        begin = net.number(0, span - 1)
        end = max(net.number(0, span - 1), span - extent - begin)
        values = (taps, stride, dilation, begin, end, (extent + begin + end - span) // stride + 1)
        for column, value in zip((kernel, strides, dilations, begins, ends, out), values, strict=True):
            column.append(value)
    return {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": begins + ends}, out


def transposed_convolution(net: Growth, x: Tensor) -> Tensor | None:
    if len(x.shape) != 3 or max(x.shape[1:]) > 8:
        return None
    channels, *extents = x.shape
    groups, taps, stride = net.choose(1, 1, channels), net.number(1, 3), net.choose(1, 2)
    outputs = net.number(1, 4)
    weights = net.weights(channels, outputs, taps, taps, terms=channels // groups * taps, axis=1)
    out = [(extent - 1) * stride + taps for extent in extents]
    return net.add("ConvTranspose", [x.name, weights], [groups * outputs, *out], strides=[stride] * 2, group=groups)


def recurrent(net: Growth, x: Tensor) -> Tensor | None:
    """LSTM, GRU or RNN over rows, sample by sample; its states ends, or all of them."""
    if len(x.shape) != 2:
        return None
    op, gates = net.choose(("LSTM", 4), ("GRU", 3), ("RNN", 1))
    length, terms = x.shape
    hidden, ways = net.number(1, 5), net.choose(1, 1, 2)
    steps = net.add("Transpose", [x.name], [length, terms], perm=[1, 0, 2])
    inputs = [steps.name, net.weights(ways, gates * hidden, terms, terms=terms, axis=1)]
    inputs.append(net.weights(ways, gates * hidden, hidden, terms=hidden, axis=1))
    if net.chance(0.7):
        inputs.append(net.hold(net.floats(ways, 2 * gates * hidden, spread=0.3), "bias"))
    fields = {"hidden_size": hidden, "direction": "bidirectional" if ways == 2 else "forward"}
    states = net.add(op, inputs, [length, ways, hidden], **fields)
    return net.add("Transpose", [states.name], [length, ways, hidden], perm=[2, 0, 1, 3])


def batch_normalization(net: Growth, x: Tensor) -> Tensor | None:
    if not x.shape:
        return None
    channels = x.shape[0]
    numbers = [np.abs(net.floats(channels)) + np.float32(0.5), net.floats(channels), net.floats(channels, spread=0.3)]
    numbers.append(np.abs(net.floats(channels)) + np.float32(0.5))
    return net.add("BatchNormalization", [x.name, *(net.hold(each, "bn") for each in numbers)], x.shape)


def normalized(net: Growth, x: Tensor) -> Tensor | None:
    """InstanceNormalization or LayerNormalization."""
    if len(x.shape) > 1 and x.size > x.shape[0] and net.chance(0.5):
        numbers = [net.hold(net.floats(x.shape[0]) + np.float32(1), "scale"), net.hold(net.floats(x.shape[0]), "shift")]
        return net.add("InstanceNormalization", [x.name, *numbers], x.shape)
    if net.opset < 17 or not x.shape or x.shape[-1] < 2:
        return None
    inputs = [x.name, net.hold(net.floats(x.shape[-1]) + np.float32(1), "scale")]
    return net.add("LayerNormalization", inputs, x.shape, axis=-1)


def attention(net: Growth, x: Tensor) -> Tensor | None:
    """Self-attention over rows, one head, with or without a mask of minus infinity."""
    if len(x.shape) != 2:
        return None
    rows, terms = x.shape
    query, key, value = (
        net.add("MatMul", [x.name, net.weights(terms, 4, terms=terms, axis=1)], [rows, 4]) for _ in "qkv"
    )
    turned = net.add("Transpose", [key.name], [4, rows], perm=[0, 2, 1])
    scores = net.add("MatMul", [query.name, turned.name], [rows, rows])
    scores = net.add("Mul", [scores.name, net.hold(np.float32(0.5), "scale")], scores.shape)
    if net.chance(0.6):
        mask = np.triu(np.full((rows, rows), net.choose(-np.inf, -np.inf, -1e9, np.finfo(np.float32).min)), 1)
        scores = net.add("Add", [scores.name, net.hold(mask.astype(np.float32), "mask")], scores.shape)
    shares = net.add("Softmax", [scores.name], scores.shape, axis=2 if net.opset < 13 else -1)
    return net.add("MatMul", [shares.name, value.name], [rows, 4])


def quantized_weights(net: Growth, x: Tensor) -> Tensor | None:
    """A matrix in int8 behind a DequantizeLinear."""
    if not x.shape or len(x.shape) > 2 or net.opset < 13:
        return None
    terms, outputs = x.shape[-1], net.number(1, 8)
    integers = net.rng.integers(-127, 128, (terms, outputs)).astype(np.int8)
    scale = net.hold((net.rng.uniform(0.5, 1, outputs) / 64 / terms**0.5).astype(np.float32), "scale")
    weights = net.plain("DequantizeLinear", [net.hold(integers, "integers"), scale], axis=1)
    return net.add("MatMul", [x.name, weights], [*x.shape[:-1], outputs])


def reused_block(net: Growth, x: Tensor) -> Tensor | None:
    """The same layer three times over."""
    if len(x.shape) != 1 or net.opset < 11:
        return None
    weights = net.weights(*x.shape, *x.shape, terms=x.shape[0])
    for _ in range(3):
        x = net.add("Relu", [net.add("Gemm", [x.name, weights], x.shape, transB=1).name], x.shape)
    return x


LAYERS = (gemm, gemm, matmul, matmul, matmul_from_the_left, convolution, convolution, convolution, depthwise)
LAYERS += (transposed_convolution, recurrent, batch_normalization, batch_normalization, normalized)
LAYERS += (attention, quantized_weights, reused_block)
