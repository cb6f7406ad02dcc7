"""Random programs of one operator, everything about them drawn: formats, shapes, windows, limits, scales."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from attar.numerics.accumulators import accumulator_bits, with_bias
from attar.numerics.formats import Format, offset_bits
from attar.numerics.requantize import shared_scaling
from attar.runtime.integer.lowering.site import each_rescale, product_factors, rescale
from attar.runtime.integer.program import (
    AveragePool,
    Concat,
    Convolution,
    Dense,
    Extreme,
    Interpolate,
    MatrixProduct,
    MaxPool,
    Operator,
    Pad,
    ParametricRelu,
    Pick,
    Product,
    Program,
    Requantize,
    Reshape,
    ScaleShift,
    Slice,
    Softmax,
    Sum,
    Table,
    Tensor,
    Transpose,
    TransposedConvolution,
)

BITS = (8, 8, 8, 8, 2, 4, 5, 9, 12, 16)


class Draw:
    """A source of everything."""

    def __init__(self, seed: int, *, bits: int | None = None) -> None:
        self.rng, self.bits = np.random.default_rng(seed), bits

    def number(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`, small ones more often."""
        return int(
            min(low + self.rng.geometric(0.4) - 1 + self.rng.integers(0, 2) * self.rng.integers(0, high + 1), high)
        )

    def format(self, *, bits: int | None = None) -> Format:
        bits, signed = bits or self.bits or int(self.rng.choice(BITS)), bool(self.rng.integers(2))
        low = -(2 ** (bits - 1)) if signed else 0
        zero = int(self.rng.choice([low, 0, self.rng.integers(low, low + 2**bits), low + 2**bits - 1]))
        return Format(bits, signed, float(np.float32(2.0 ** self.rng.uniform(-6, 2))), zero)

    def limits(self, form: Format) -> tuple[int, int]:
        low, high = sorted(int(end) for end in self.rng.integers(form.low, form.high + 1, 2))
        return (form.low, form.high) if self.rng.integers(2) else (low, high)

    def scales(self, count: int) -> np.ndarray:
        return (2.0 ** self.rng.uniform(-10, 0, self.rng.choice([1, count]))).astype(np.float32)

    def integers(self, form: Format, samples: int, shape: tuple[int, ...]) -> np.ndarray:
        return self.rng.integers(form.low, form.high + 1, (samples, *shape)).astype(np.int32)


def program(operator: Operator, shapes: dict[str, tuple[int, ...]], formats: dict[str, Format]) -> Program:
    """Return the program of one operator."""
    tensors = {name: Tensor(name, shape, formats[name]) for name, shape in shapes.items()}
    return Program(tensors, (operator,), tuple(dict.fromkeys(operator.inputs)), (operator.output,))


def clamp(draw: Draw, form: Format, *inputs: str) -> dict[str, object]:
    low, high = draw.limits(form)
    return {"inputs": inputs or ("x",), "output": "y", "low": low, "high": high}


def weighted(draw: Draw, source: Format, target: Format, shape: tuple[int, ...]) -> dict[str, object]:
    """Return the fields of a layer with weights of this shape; its results fill the output's range and more."""
    bits = int(draw.rng.choice([8, 8, 8, 4, 2, 11, 16]))
    top, terms = 2 ** (bits - 1), int(np.prod(shape[1:]))
    weights = draw.rng.integers(-top, top, shape)
    width = accumulator_bits(offset_bits(source), bits, terms)
    bias = draw.rng.integers(-(2 ** (width - 3)), 2 ** (width - 3), len(weights)) * draw.rng.integers(0, 2)
    width = with_bias(width, int(np.abs(bias).max(initial=0)))
    reach = 2.0 ** (offset_bits(source) + bits - 2) * terms**0.5 * source.scale / target.scale / 2**target.bits
    scales = (draw.scales(len(weights)) / np.float32(reach)).astype(np.float32)
    return {
        "weights": weights.astype(np.int8 if bits <= 8 else np.int16),
        "weight_bits": bits,
        "bias": bias.astype(np.int32 if width <= 32 else np.int64),
        "scales": scales,
        "accumulator_bits": width,
        "rescale": rescale(product_factors(np.broadcast_to(scales, len(weights)), source, target), width),
    }


def windows(draw: Draw, extents: tuple[int, ...], *, most: int = 5) -> tuple[dict[str, tuple], tuple[int, ...]]:
    """Return kernel, strides, dilations and pads that fit, and the extents of what comes out."""
    fields: dict[str, list] = {"kernel": [], "strides": [], "dilations": [], "pads": []}
    out = []
    for extent in extents:
        taps, dilation, stride = draw.number(1, most), draw.number(1, 3), draw.number(1, 3)
        span = (taps - 1) * dilation + 1
        begin = int(draw.rng.integers(0, span))
        end = max(int(draw.rng.integers(0, span)), span - extent - begin)
        out.append((extent + begin + end - span) // stride + 1)
        rest = (out[-1] - 1) * stride + span - extent - begin
        for name, value in zip(fields, (taps, stride, dilation, (begin, rest)), strict=True):
            fields[name].append(value)
    return {name: tuple(values) for name, values in fields.items()}, tuple(out)


def convolution(draw: Draw) -> Program:
    source, target = draw.format(), draw.format()
    extents = tuple(draw.number(1, 12) for _ in range(int(draw.rng.choice([2, 2, 1]))))
    groups = draw.number(1, 4)
    channels, outputs = groups * draw.number(1, 40), groups * draw.number(1, 70)
    moves, out = windows(draw, extents)
    kernel = moves.pop("kernel")
    fields = weighted(draw, source, target, (outputs, channels // groups, *kernel))
    operator = Convolution(**clamp(draw, target), **fields, **moves, groups=groups)
    return program(operator, {"x": (channels, *extents), "y": (outputs, *out)}, {"x": source, "y": target})


def depthwise(draw: Draw) -> Program:
    source, target, channels = draw.format(), draw.format(), draw.number(1, 90)
    extents = (draw.number(1, 12), draw.number(1, 12))
    moves, out = windows(draw, extents)
    kernel = moves.pop("kernel")
    fields = weighted(draw, source, target, (channels, 1, *kernel))
    operator = Convolution(**clamp(draw, target), **fields, **moves, groups=channels)
    return program(operator, {"x": (channels, *extents), "y": (channels, *out)}, {"x": source, "y": target})


def dense(draw: Draw) -> Program:
    source, target = draw.format(), draw.format()
    inputs, outputs = draw.number(1, 200), draw.number(1, 150)
    lead = tuple(draw.number(1, 9) for _ in range(int(draw.rng.choice([0, 0, 1, 2]))))
    operator = Dense(**clamp(draw, target), **weighted(draw, source, target, (outputs, inputs)))
    return program(operator, {"x": (*lead, inputs), "y": (*lead, outputs)}, {"x": source, "y": target})


def shape_of(draw: Draw) -> tuple[int, ...]:
    return tuple(draw.number(1, 30) for _ in range(int(draw.rng.integers(1, 5))))


def some_axes(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(extent if draw.rng.integers(2) else 1 for extent in shape)


def scale_shift(draw: Draw) -> Program:
    source, target, shape = draw.format(), draw.format(), shape_of(draw)
    weights = draw.rng.integers(-(2**14), 2**14, some_axes(draw, shape)).astype(np.int16)
    bias = draw.rng.integers(-(2**20), 2**20, some_axes(draw, shape)).astype(np.int32)
    width = with_bias(accumulator_bits(offset_bits(source), 16, 1), int(np.abs(bias).max()))
    scales = np.array([2.0 ** -draw.number(8, 16)], np.float32)
    operator = ScaleShift(
        **clamp(draw, target),
        accumulator_bits=width,
        rescale=rescale(product_factors(scales, source, target), width),
        weights=weights,
        weight_bits=16,
        bias=bias if width <= 32 else bias.astype(np.int64),
        scales=scales,
    )
    return program(operator, {"x": shape, "y": shape}, {"x": source, "y": target})


def two(draw: Draw) -> tuple[dict[str, tuple[int, ...]], dict[str, Format]]:
    shape = shape_of(draw)
    whole = int(draw.rng.integers(3))
    shapes = {
        "a": shape if whole != 1 else some_axes(draw, shape),
        "b": shape if whole != 2 else some_axes(draw, shape),
    }
    shapes["y"] = tuple(np.maximum(shapes["a"], shapes["b"]).tolist())
    return shapes, {name: draw.format() for name in shapes}


def product(draw: Draw) -> Program:
    shapes, forms = two(draw)
    width = accumulator_bits(offset_bits(forms["a"]), offset_bits(forms["b"]), 1)
    factor = forms["a"].exact_scale * forms["b"].exact_scale / forms["y"].exact_scale
    operator = Product(**clamp(draw, forms["y"], "a", "b"), accumulator_bits=width, rescale=rescale([factor], width))
    return program(operator, shapes, forms)


def sum_(draw: Draw) -> Program:
    shapes, forms = two(draw)
    target, sign = forms["y"].exact_scale, int(draw.rng.choice([-1, 1]))
    factors = [forms["a"].exact_scale / target, sign * forms["b"].exact_scale / target]
    multipliers, shift = shared_scaling(factors)
    operator = Sum(**clamp(draw, forms["y"], "a", "b"), multipliers=multipliers, shift=shift)
    return program(operator, shapes, forms)


def average_pool(draw: Draw) -> Program:
    source, target, channels = draw.format(), draw.format(), draw.number(1, 80)
    extents = tuple(draw.number(1, 12) for _ in range(int(draw.rng.choice([2, 2, 1]))))
    moves, out = windows(draw, extents)
    counts = tuple(
        tuple(int(draw.rng.integers(1, taps + 1)) for _ in range(extent))
        for taps, extent in zip(moves["kernel"], out, strict=True)
    )
    divisors = {1}
    for each in counts:
        divisors = {a * b for a in divisors for b in each}
    divisors = tuple(sorted(divisors))
    width = accumulator_bits(offset_bits(source), 1, int(np.prod(moves["kernel"]))) + 1
    factors = [source.exact_scale / target.exact_scale / Fraction(divisor) for divisor in divisors]
    operator = AveragePool(
        **clamp(draw, target),
        **moves,
        counts=counts,
        divisors=divisors,
        accumulator_bits=width,
        rescale=each_rescale(factors, width),
    )
    return program(operator, {"x": (channels, *extents), "y": (channels, *out)}, {"x": source, "y": target})


def max_pool(draw: Draw) -> Program:
    form, channels = draw.format(), draw.number(1, 80)
    extents = tuple(draw.number(1, 12) for _ in range(int(draw.rng.choice([2, 2, 1]))))
    while True:  # until every window sees something
        moves, out = windows(draw, extents)
        axes = zip(moves["kernel"], moves["strides"], moves["dilations"], moves["pads"], extents, out, strict=True)
        if all(sees_all(*axis) for axis in axes):
            break
    operator = MaxPool(inputs=("x",), output="y", **moves)
    return program(operator, {"x": (channels, *extents), "y": (channels, *out)}, {"x": form, "y": form})


def sees_all(taps: int, stride: int, dilation: int, pads: tuple[int, int], extent: int, out: int) -> bool:
    places = [[place * stride + tap * dilation - pads[0] for tap in range(taps)] for place in range(out)]
    return all(any(0 <= place < extent for place in each) for each in places)


def concat(draw: Draw) -> Program:
    shape = shape_of(draw)
    axis = int(draw.rng.integers(len(shape)))
    names = [f"x{number}" for number in range(draw.number(1, 4))]
    shapes = {name: (*shape[:axis], draw.number(1, 9), *shape[axis + 1 :]) for name in names}
    shapes["y"] = (*shape[:axis], sum(each[axis] for each in shapes.values()), *shape[axis + 1 :])
    forms = {name: draw.format() for name in shapes}
    factors = [forms[name].exact_scale / forms["y"].exact_scale for name in names]
    operator = Concat(**clamp(draw, forms["y"], *names), axis=axis, rescale=each_rescale(factors))
    return program(operator, shapes, forms)


def requantize(draw: Draw) -> Program:
    source, target, shape = draw.format(), draw.format(), shape_of(draw)
    factor = source.exact_scale / target.exact_scale
    operator = Requantize(**clamp(draw, target), rescale=rescale([factor]))
    return program(operator, {"x": shape, "y": shape}, {"x": source, "y": target})


def table(draw: Draw) -> Program:
    source = draw.format(bits=int(draw.rng.choice([2, 4, 8, 8, 11, 12])))
    target, shape = draw.format(), shape_of(draw)
    entries = draw.rng.integers(target.low, target.high + 1, 2**source.bits)
    operator = Table(inputs=("x",), output="y", table=entries.astype(np.int16 if target.signed else np.uint16))
    return program(operator, {"x": shape, "y": shape}, {"x": source, "y": target})


def transpose(draw: Draw) -> Program:
    form, shape = draw.format(), shape_of(draw)
    axes = tuple(int(axis) for axis in draw.rng.permutation(len(shape)))
    operator = Transpose(inputs=("x",), output="y", axes=axes)
    return program(operator, {"x": shape, "y": tuple(shape[axis] for axis in axes)}, {"x": form, "y": form})


def reshape(draw: Draw) -> Program:
    form, shape = draw.format(), shape_of(draw)
    operator = Reshape(inputs=("x",), output="y")
    return program(operator, {"x": shape, "y": (int(np.prod(shape)),)}, {"x": form, "y": form})


def pad(draw: Draw) -> Program:
    form, shape = draw.format(), shape_of(draw)
    pads = tuple((draw.number(0, 3), draw.number(0, 3)) for _ in shape)
    value = int(draw.rng.integers(form.low, form.high + 1))
    operator = Pad(inputs=("x",), output="y", pads=pads, value=value)
    wide = tuple(begin + extent + end for extent, (begin, end) in zip(shape, pads, strict=True))
    return program(operator, {"x": shape, "y": wide}, {"x": form, "y": form})


def transposed_convolution(draw: Draw) -> Program:
    source, target = draw.format(), draw.format()
    extents = tuple(draw.number(1, 9) for _ in range(int(draw.rng.choice([2, 2, 1]))))
    groups = draw.number(1, 4)
    channels, outputs = groups * draw.number(1, 30), groups * draw.number(1, 40)
    kernel, strides, dilations = (tuple(draw.number(1, 4) for _ in extents) for _ in range(3))
    begins, out = zip(
        *(spread(draw, *axis) for axis in zip(extents, kernel, strides, dilations, strict=True)), strict=True
    )
    fields = weighted(draw, source, target, (outputs, channels // groups, *kernel))
    moves = {"strides": strides, "dilations": dilations, "begins": begins, "groups": groups}
    operator = TransposedConvolution(**clamp(draw, target), **fields, **moves)
    return program(operator, {"x": (channels, *extents), "y": (outputs, *out)}, {"x": source, "y": target})


def spread(draw: Draw, extent: int, taps: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return how many places are cut off before an axis, and how many are left; some that nothing meets."""
    full = (extent - 1) * stride + (taps - 1) * dilation + 1
    begin = int(draw.rng.integers(0, min(full, 5)))
    return begin, int(draw.rng.integers(1, full - begin + 3))


def slice_(draw: Draw) -> Program:
    form, shape = draw.format(), shape_of(draw)
    cuts = [cut(draw, extent) for extent in shape]
    starts, steps, out = zip(*cuts, strict=True)
    operator = Slice(inputs=("x",), output="y", starts=starts, steps=steps)
    return program(operator, {"x": shape, "y": out}, {"x": form, "y": form})


def cut(draw: Draw, extent: int) -> tuple[int, int, int]:
    """Return where a slice of an axis begins, its step of either sign, and how many cells it takes."""
    start, step = int(draw.rng.integers(extent)), draw.number(1, 4)
    if draw.rng.integers(2):
        return start, step, int(draw.rng.integers((extent - 1 - start) // step + 1)) + 1
    return start, -step, int(draw.rng.integers(start // step + 1)) + 1


def pick(draw: Draw) -> Program:
    form, shape = draw.format(), shape_of(draw)
    indices = tuple(cells(draw, extent, draw.number(1, 20)) for extent in shape)
    if draw.rng.integers(2):
        whole = int(draw.rng.integers(len(shape)))
        indices = (*indices[:whole], np.arange(shape[whole], dtype=np.int32), *indices[whole + 1 :])
    operator = Pick(inputs=("x",), output="y", indices=indices)
    return program(operator, {"x": shape, "y": tuple(map(len, indices))}, {"x": form, "y": form})


def cells(draw: Draw, extent: int, count: int) -> np.ndarray:
    return draw.rng.integers(0, extent, count).astype(np.int32)


def interpolate(draw: Draw) -> Program:
    form, shape = draw.format(), shape_of(draw)
    chosen = draw.rng.permutation(len(shape))[: int(draw.rng.integers(0, min(len(shape), 3) + 1))]
    axes = tuple(sorted(int(axis) for axis in chosen))
    bits, counts = int(draw.rng.choice([0, 1, 3, 11, 15])), [draw.number(1, 20) for _ in axes]
    nearer, farther = (
        tuple(cells(draw, shape[axis], count) for axis, count in zip(axes, counts, strict=True)) for _ in range(2)
    )
    weights = tuple(draw.rng.integers(0, 2**bits + 1, count).astype(np.int32) for count in counts)
    fields = {"axes": axes, "nearer": nearer, "farther": farther, "weights": weights, "weight_bits": bits}
    wide = list(shape)
    for axis, count in zip(axes, counts, strict=True):
        wide[axis] = count
    operator = Interpolate(inputs=("x",), output="y", **fields)
    return program(operator, {"x": shape, "y": tuple(wide)}, {"x": form, "y": form})


def matrix_product(draw: Draw) -> Program:
    front = shape_of(draw)[: int(draw.rng.integers(1, 3))]
    rows, terms, columns = draw.number(1, 20), draw.number(1, 60), draw.number(1, 20)
    whole = int(draw.rng.integers(3))
    left, right = (front if whole != number else some_axes(draw, front) for number in (1, 2))
    shapes = {"a": (*left, rows, terms), "b": (*right, terms, columns)}
    shapes["y"] = (*np.maximum(left, right).tolist(), rows, columns)
    forms = {name: draw.format() for name in shapes}
    width = accumulator_bits(offset_bits(forms["a"]), offset_bits(forms["b"]), terms)
    forms["y"] = replace(forms["y"], scale=float(np.float32(forms["y"].scale * terms)))
    factor = forms["a"].exact_scale * forms["b"].exact_scale / forms["y"].exact_scale
    fields = {"accumulator_bits": width, "rescale": rescale([factor], width)}
    return program(MatrixProduct(**clamp(draw, forms["y"], "a", "b"), **fields), shapes, forms)


def parametric_relu(draw: Draw) -> Program:
    source, target, shape = draw.format(), draw.format(), shape_of(draw)
    width, scales = accumulator_bits(offset_bits(source), 16, 1), np.array([2.0 ** -draw.number(8, 16)], np.float32)
    factors = [source.exact_scale / target.exact_scale, *product_factors(scales, source, target)]
    operator = ParametricRelu(
        **clamp(draw, target),
        accumulator_bits=width,
        rescale=each_rescale(factors, width),
        slopes=draw.rng.integers(-(2**14), 2**14 + 1, some_axes(draw, shape)).astype(np.int16),
        scales=scales,
    )
    return program(operator, {"x": shape, "y": shape}, {"x": source, "y": target})


def extreme(draw: Draw) -> Program:
    shape, names = shape_of(draw), [f"x{number}" for number in range(draw.number(1, 4))]
    shapes = {name: shape if draw.rng.integers(2) else some_axes(draw, shape) for name in names}
    shapes["y"] = tuple(np.max(list(shapes.values()), axis=0).tolist())
    forms = {name: draw.format() for name in shapes}
    entries = each_rescale([forms[name].exact_scale / forms["y"].exact_scale for name in names])
    operator = Extreme(**clamp(draw, forms["y"], *names), largest=bool(draw.rng.integers(2)), rescale=entries)
    return program(operator, shapes, forms)


def softmax(draw: Draw) -> Program:
    source, shape = draw.format(bits=int(draw.rng.choice([2, 4, 8, 8, 11, 12]))), shape_of(draw)
    target = replace(draw.format(), scale=float(np.float32(2.0 ** draw.rng.uniform(-14, -5))))
    table = np.rint(np.exp(-np.arange(2**source.bits) * source.scale) * 2**30).astype(np.int32)
    fields = {"axis": int(draw.rng.integers(len(shape))), "table": table}
    factor = rescale([1 / target.exact_scale / 2**30])
    return program(
        Softmax(**clamp(draw, target), **fields, rescale=factor), {"x": shape, "y": shape}, {"x": source, "y": target}
    )


RANDOM: dict[str, Callable[[Draw], Program]] = {
    "convolution": convolution,
    "depthwise": depthwise,
    "dense": dense,
    "scale shift": scale_shift,
    "product": product,
    "sum": sum_,
    "average pool": average_pool,
    "max pool": max_pool,
    "concat": concat,
    "requantize": requantize,
    "table": table,
    "transpose": transpose,
    "reshape": reshape,
    "pad": pad,
    "transposed convolution": transposed_convolution,
    "slice": slice_,
    "pick": pick,
    "interpolate": interpolate,
    "matrix product": matrix_product,
    "parametric relu": parametric_relu,
    "extreme": extreme,
    "softmax": softmax,
}


def turned(draw: Draw, program: Program) -> Program:
    """Return a program whose inputs lie in another order of axes; those of one axis channels last."""
    tensors, before = dict(program.tensors), []
    for name in program.inputs:
        before += as_image(draw, tensors, name) if len(tensors[name].shape) == 1 else transposed(draw, tensors, name)
    inputs = tuple(f"{name}/given" for name in program.inputs)
    return Program(tensors, (*before, *program.operators), inputs, program.outputs)


def transposed(draw: Draw, tensors: dict[str, Tensor], name: str) -> list[Operator]:
    """Declare a tensor from which a Transpose makes `name`."""
    shape = tensors[name].shape
    axes = tuple(int(axis) for axis in draw.rng.permutation(len(shape)))
    given = tuple(shape[axes.index(axis)] for axis in range(len(shape)))
    tensors[f"{name}/given"] = Tensor(f"{name}/given", given, tensors[name].format)
    return [Transpose(inputs=(f"{name}/given",), output=name, axes=axes)]


def as_image(draw: Draw, tensors: dict[str, Tensor], name: str) -> list[Operator]:
    """Declare an image that a window sees, and that is flattened into `name`."""
    shape = image_of(draw, tensors[name].shape[0])
    for new in (f"{name}/given", f"{name}/seen"):
        tensors[new] = Tensor(new, shape, tensors[name].format)
    window = {"kernel": (1,), "strides": (1,), "dilations": (1,), "pads": ((0, 0),)}
    seen = MaxPool(inputs=(f"{name}/given",), output=f"{name}/seen", **window)
    return [seen, Reshape(inputs=(f"{name}/seen",), output=name)]


def image_of(draw: Draw, count: int) -> tuple[int, ...]:
    """Return channels and an extent of so many numbers."""
    divisors = [number for number in range(1, count + 1) if count % number == 0]
    channels = int(draw.rng.choice(divisors))
    return channels, count // channels


def widest(program: Program) -> int:
    """Return the bits of the widest accumulator."""
    return max((op.accumulator_bits for op in program.operators if hasattr(op, "accumulator_bits")), default=0)
