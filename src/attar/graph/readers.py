"""Who reads an initializer in the end: operators behind transposes, reshapes and casts, axes resolved to its own."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import onnx_ir as ir

from .constants import VIEWS
from .operators import constant_of, is_default_domain, output_channel_axis

INTEGERS = (ir.DataType.INT32, ir.DataType.INT64)
FLOAT_WEIGHTS = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.BFLOAT16)


@dataclass(frozen=True)
class Reader:
    """One operator that reads an initializer.

    Attributes:
        node: the operator. position: which of its inputs. shape: of what it reads there.
        known: whether attar knows these as weights.
        axis: the axis of the *initializer* along which the output channels lie; None where no single one does.
        direct: whether nothing stands between.
    """

    node: ir.Node
    position: int
    shape: tuple[int, ...]
    known: bool
    axis: int | None
    direct: bool


@dataclass(frozen=True)
class _View:
    """What a chain of views shows: its shape, and for each of its axes the one of the initializer (None for a mix)."""

    shape: tuple[int, ...]
    axes: tuple[int | None, ...]
    direct: bool = False


def readers_of(value: ir.Value) -> list[Reader]:
    """Return the operators that read initializer `value`, in the order in which they use it."""
    shape = tuple(int(extent) for extent in value.const_value.shape)
    return list(_readers(value, _View(shape, tuple(range(len(shape))), direct=True)))


def _readers(value: ir.Value, view: _View) -> Iterator[Reader]:
    for use in value.uses():
        behind = _through(use.node, view) if use.idx == 0 else None
        if behind is None:
            yield _reader(use.node, use.idx, view)
        elif use.node.outputs[0].is_graph_output():
            yield Reader(use.node, use.idx, view.shape, False, None, False)
        else:
            yield from _readers(use.node.outputs[0], replace(behind, direct=False))


def _reader(node: ir.Node, position: int, view: _View) -> Reader:
    axis = output_channel_axis(node, position, len(view.shape))
    own = None if axis is None else view.axes[axis]
    return Reader(node, position, view.shape, axis is not None, own, view.direct)


def _through(node: ir.Node, view: _View) -> _View | None:
    """Return what the output of `node` shows, None where it isn't a view of its input."""
    if node.op_type not in VIEWS or not is_default_domain(node):
        return None
    if node.op_type == "Cast":
        return view if node.attributes.get_int("to", 0) in FLOAT_WEIGHTS else None
    if node.op_type == "Identity":
        return view
    if node.op_type == "Transpose":
        order = node.attributes.get_ints("perm", None) or tuple(reversed(range(len(view.shape))))
        if sorted(order) != list(range(len(view.shape))):
            return None  # a damaged file
        return _View(tuple(view.shape[a] for a in order), tuple(view.axes[a] for a in order))
    shape = _new_shape(node, view.shape)
    return None if shape is None else _View(shape, _matched(view, shape))


def _new_shape(node: ir.Node, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    if node.op_type == "Flatten":
        axis = node.attributes.get_int("axis", 1)
        axis += len(shape) if axis < 0 else 0
        return math.prod(shape[:axis]), math.prod(shape[axis:])
    numbers = _operand(node)
    if node.op_type == "Reshape":
        return None if numbers is None else _reshaped(shape, numbers, node.attributes.get_int("allowzero", 0))
    if node.op_type == "Squeeze":
        gone = {a % len(shape) for a in numbers} if numbers else {a for a, n in enumerate(shape) if n == 1}
        return tuple(extent for a, extent in enumerate(shape) if a not in gone)
    return None if numbers is None else _unsqueezed(shape, numbers)


def _operand(node: ir.Node) -> tuple[int, ...] | None:
    """Return the shape or the axes of `node`: since opset 13 an input, before that an attribute."""
    if "axes" in node.attributes:
        return tuple(node.attributes["axes"].as_ints())
    if len(node.inputs) < 2 or node.inputs[1] is None:
        return None
    tensor = constant_of(node.inputs[1])
    return None if tensor is None or tensor.dtype not in INTEGERS else tuple(int(n) for n in tensor.numpy().reshape(-1))


def _reshaped(shape: tuple[int, ...], wanted: tuple[int, ...], allow_zero: int) -> tuple[int, ...] | None:
    if any(n == 0 and a >= len(shape) for a, n in enumerate(wanted)) and not allow_zero:
        return None
    known = [shape[a] if n == 0 and not allow_zero else n for a, n in enumerate(wanted)]
    rest = math.prod(n for n in known if n != -1)
    return tuple(math.prod(shape) // max(rest, 1) if n == -1 else n for n in known)


def _unsqueezed(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    rank = len(shape) + len(axes)
    new, rest = {a % rank for a in axes}, iter(shape)
    return tuple(1 if a in new else next(rest) for a in range(rank))


def _matched(view: _View, shape: tuple[int, ...]) -> tuple[int | None, ...]:
    """Find the axes that a reshape keeps: as long as before, and with as many numbers in front of them."""
    kept = {(math.prod(view.shape[:a]), n): own for a, (n, own) in enumerate(zip(view.shape, view.axes, strict=True))}
    return tuple(kept.get((math.prod(shape[:a]), n)) for a, n in enumerate(shape))
