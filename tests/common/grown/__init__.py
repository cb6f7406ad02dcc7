"""Random small networks of all kinds of operators, with whatever is odd about networks that people have."""

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel as Level

from .functions import FUNCTIONS
from .growth import NAMES, Growth, Tensor
from .layers import LAYERS
from .moves import MOVES

OPSETS = (10, 11, 13, 17, 17, 18, 21, 21)
SHAPES = ((3, 6, 6), (3, 6, 6), (2, 8, 5), (4, 4, 8), (5, 6), (3, 10), (8,), (8,), (12,))
MOST = 700  # numbers of a sample of one tensor
IR_VERSION = 8
ATTEMPTS, LARGEST = 20, 1e6


@dataclass(frozen=True)
class Grown:
    """A network, how to feed it, and what it is made of.

    Attributes:
        inputs: shape of a sample and type of every input that has to be given. batch: None where it is free.
        kinds: names of the builders.
    """

    proto: onnx.ModelProto
    inputs: dict[str, tuple[tuple[int, ...], np.dtype]]
    batch: int | None
    kinds: tuple[str, ...]

    def samples(self, count: int, seed: int) -> dict[str, np.ndarray]:
        """Return random samples: normal, or whole numbers below 7."""
        rng = np.random.default_rng(seed)
        return {
            name: rng.normal(size=(count, *shape)).astype(dtype)
            if np.issubdtype(dtype, np.floating)
            else rng.integers(0, 7, (count, *shape)).astype(dtype)
            for name, (shape, dtype) in self.inputs.items()
        }


def usable_network(seed: int) -> Grown:
    """Return the first network of a seed that onnxruntime runs, with numbers that are some."""
    return next(net for attempt in range(ATTEMPTS) if _runs(net := network(seed, attempt)))


def _runs(net: Grown) -> bool:
    """Whether onnxruntime runs it to the same answers, all of them numbers, with its fusions and without.

    Ties that the order of a sum decides make other classes, other places: nobody could tell right from wrong there.
    """
    try:
        plain, fused = (_outputs(net, level) for level in (Level.ORT_DISABLE_ALL, Level.ORT_ENABLE_ALL))
    except Exception:  # onnxruntime raises a family of types without a common base
        return False
    floats = [values for values in plain if values.dtype.kind == "f"]
    are_numbers = all(np.isfinite(values).all() and np.abs(values).max(initial=0) < LARGEST for values in floats)
    return are_numbers and all(np.allclose(a, b, rtol=1e-3, atol=1e-3) for a, b in zip(plain, fused, strict=True))


def _outputs(net: Grown, level: Level) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.graph_optimization_level = 4, level
    session = onnxruntime.InferenceSession(net.proto.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, net.samples(net.batch or 40, 0))


def network(seed: int, attempt: int = 0) -> Grown:
    """Return the network of a seed; another `attempt` is another one, for a seed whose network is none."""
    rng = np.random.default_rng((seed, attempt))
    net = Growth(rng, int(rng.choice(OPSETS)), str(rng.choice(NAMES)))
    inputs = _begin(net)
    _grow(net)
    outputs = _end(net, inputs)
    batch = net.choose(1, 4, 4) if net.chance(0.12) else None
    return Grown(_proto(net, inputs, outputs, batch), inputs, batch, tuple(net.kinds))


def _begin(net: Growth) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    inputs, names = {}, [net.choose("x", "x", "input.1", "y", "image 0", "labels")]
    if net.chance(0.2):
        names.append("z")
    shape = net.choose(*SHAPES)
    for name in names:
        net.taken.add(name)
        kind = net.choose("floats", "floats", "floats", "floats", "tokens", "cast")
        if kind == "floats":
            inputs[name] = shape, np.dtype(np.float32)
            net.tensors.append(Tensor(name, shape))
        elif kind == "tokens":
            inputs[name] = (5,), np.dtype(net.choose(np.int64, np.int32))
            net.tensors.append(net.add("Gather", [net.weights(7, 6, terms=1), name], (5, 6)))
        else:
            inputs[name] = shape, np.dtype(net.choose(np.int64, np.int32, np.uint8))
            net.tensors.append(net.add("Cast", [name], shape, to=1))
    return inputs


def _grow(net: Growth) -> None:
    for number in range(net.number(3, 9)):
        group = LAYERS if number == 0 else (LAYERS, LAYERS, FUNCTIONS, MOVES)[net.number(0, 3)]
        for _ in range(6):  # until one fits
            source = net.tensors[-1] if net.chance(0.75) else net.choose(*net.tensors)
            builder = net.choose(*group)
            made = builder(net, source)
            if made is not None and 0 < made.size <= MOST:
                net.tensors.append(made)
                net.kinds.append(builder.__name__)
                break


def _end(net: Growth, inputs: dict) -> list[tuple[str, int, list[int] | None]]:
    """Return names, types and shapes of the outputs; None where an output's shape is not said."""
    found = {net.tensors[-1].name: (TensorProto.FLOAT, net.tensors[-1].shape)}
    for _ in range(net.choose(0, 0, 0, 1, 2)):
        one = net.choose(*net.tensors)
        if one.name not in inputs:
            found.setdefault(one.name, (TensorProto.FLOAT, one.shape))
    last = net.tensors[-1]
    odd = net.choose(*["nothing"] * 6, "an input", "a constant", "head", "twice", "best", "above", "first")
    if odd == "an input":
        name = net.choose(*inputs)
        found[name] = (helper.np_dtype_to_tensor_dtype(inputs[name][1]), inputs[name][0])
    elif odd == "a constant" and (net.held and net.chance(0.5)):
        name = net.choose(*net.held)
        found[name] = (helper.np_dtype_to_tensor_dtype(net.held[name].dtype), None)
    elif odd in ("head", "twice") and last.shape:
        op, fields = ("Softmax", {"axis": len(last.shape)}) if odd == "head" else ("Identity", {})
        made = net.add(op, [last.name], last.shape, **fields)
        if odd == "head" and net.chance(0.6):
            del found[last.name]
        found[made.name] = (TensorProto.FLOAT, made.shape)
    elif odd == "best" and last.shape:
        found[net.plain("ArgMax", [last.name], axis=1, keepdims=0)] = (TensorProto.INT64, last.shape[1:])
    elif odd == "above":
        found[net.plain("Greater", [last.name, net.hold(np.float32(0))])] = (TensorProto.BOOL, last.shape)
    elif odd == "first" and last.shape:
        values, places = net.adds("TopK", [last.name, net.ints(1)], [[*last.shape[:-1], 1]] * 2, axis=-1)
        found[values.name], found[places.name] = (TensorProto.FLOAT, values.shape), (TensorProto.INT64, places.shape)
    ends = [(name, kind, shape) for name, (kind, shape) in found.items()]
    return [ends[number] for number in net.rng.permutation(len(ends))]


def _proto(net: Growth, inputs: dict, outputs: list, batch: int | None) -> onnx.ModelProto:
    first = batch or "n"
    ins = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), [first, *shape])
        for name, (shape, dtype) in inputs.items()
    ]
    says_shapes = net.chance(0.8)
    outs = [
        helper.make_tensor_value_info(name, kind, _said(net, name, shape, first, says_shapes))
        for name, kind, shape in outputs
    ]
    held = [numpy_helper.from_array(values, name) for name, values in net.held.items()]
    if net.chance(0.1):  # as old files had to
        listed = [tensor for tensor in held if net.chance(0.7)]
        ins += [helper.make_tensor_value_info(each.name, each.data_type, each.dims) for each in listed]
    graph = helper.make_graph(net.nodes, "grown", ins, outs, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", net.opset)], ir_version=IR_VERSION)


def _said(net: Growth, name: str, shape: tuple[int, ...] | None, first: int | str, exactly: bool) -> list:
    said = list(net.held[name].shape) if shape is None else [first, *shape]
    return said if exactly else [None] * len(said)
