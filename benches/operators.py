"""Time single operators in the engine: its plain kernels, those for every processor, the best; onnxruntime beside them.

    python benches/operators.py                  # all operators, one thread, table into docs/results.md
    python benches/operators.py --only MatMul    # those whose name holds this, printed alone

Each is a network of its own, calibrated on random numbers, lowered, and run by all in turn. onnxruntime gets the same
network as a QDQ model of integers that come in and go out, so that it has to quantize nothing but what it wants to.
With 16 bits it computes in floats; 4 bits of activations it does not have.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from coding.markdown import rewrite, table
from onnx import numpy_helper, parser
from sizes import PAGE

from attar.graph import load
from attar.numerics.formats import quantize
from attar.runtime.engine import KERNELS, Machine
from attar.runtime.engine.build import section_of
from attar.runtime.integer import Affine, MinMax, Program, calibrate, lower
from attar.runtime.integer.qdq import to_qdq

BEGIN, END = "<!-- operators:begin -->", "<!-- operators:end -->"
KINDS = ("ref", "portable", KERNELS[-1])
TURNS, TURN_SECONDS = 9, 0.02
OPSET = 21


@dataclass(frozen=True)
class Case:
    """A network in ONNX's text: what comes in, the nodes, shapes of constants; the engine's name of what is timed."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    nodes: str
    constants: tuple[tuple[int, ...], ...] = ()
    widths: tuple[int, ...] = (8,)


CASES = (
    Case("Mul, by one number a channel", "product", ("1,96,56,56", "1,96,1,1"), "y = Mul(x0, x1)", (), (8, 16, 4)),
    Case("Mul of two images", "product", ("1,96,56,56", "1,96,56,56"), "y = Mul(x0, x1)"),
    Case("Mul with a constant", "scale shift", ("1,96,56,56",), "y = Mul(x0, w0)", ((1, 96, 1, 1),)),
    Case("PRelu", "parametric relu", ("1,96,56,56",), "y = PRelu(x0, w0)", ((96, 1, 1),)),
    Case("Max of two images", "extreme", ("1,96,56,56", "1,96,56,56"), "y = Max(x0, x1)"),
    Case("Add of two images", "sum", ("1,96,56,56", "1,96,56,56"), "y = Add(x0, x1)", (), (16, 4)),
    Case(
        "Resize, linear, 28 x 28 by 2",
        "interpolate",
        ("1,96,28,28",),
        "s = Constant<value=float[4] {1, 1, 2, 2}>() t = MaxPool<kernel_shape=[1,1]>(x0) "  # channels last in memory
        'y = Resize<mode="linear">(t, , s)',
    ),
    Case(
        "MatMul, 3 of 197 x 64 x 197",
        "matrix product",
        ("1,3,197,64", "1,3,64,197"),
        "y = MatMul(x0, x1)",
        (),
        (8, 16, 4),
    ),
    Case("Softmax, 3 of 197 x 197", "softmax", ("1,3,197,197",), "t = Softmax<axis=3>(x0) y = Max(t, t)"),
    Case(
        "ConvTranspose, 64 to 32, 28 x 28, 4 x 4 by 2",
        "transposed convolution",
        ("1,64,28,28",),
        "y = ConvTranspose<strides=[2,2], pads=[1,1,1,1]>(x0, w0)",
        ((64, 32, 4, 4),),
        (8, 16, 4),
    ),
    Case(
        "Conv, 64 to 64, 28 x 28, 3 x 3",
        "convolution",
        ("1,64,28,28",),
        "y = Conv<pads=[1,1,1,1]>(x0, w0)",
        ((64, 64, 3, 3),),
        (16, 4),
    ),
    Case(
        "Conv, 96 depthwise, 28 x 28, 3 x 3",
        "convolution",
        ("1,96,28,28",),
        "y = Conv<pads=[1,1,1,1], group=96>(x0, w0)",
        ((96, 1, 3, 3),),
        (16, 4),
    ),
    Case("Gemm, 197 of 192 to 192", "dense", ("1,197,192",), "y = MatMul(x0, w0)", ((192, 192),), (16, 4)),
)


def model_of(case: Case) -> onnx.ModelProto:
    """Return the network in floats."""
    inputs = ", ".join(f"float[{shape}] x{number}" for number, shape in enumerate(case.inputs))
    text = f'<ir_version: 10, opset_import: ["" : {OPSET}]> one ({inputs}) => (float y) {{ {case.nodes} }}'
    model, rng = parser.parse_model(text), np.random.default_rng(0)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    for number, shape in enumerate(case.constants):
        values = rng.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, f"w{number}"))
    return onnx.shape_inference.infer_shapes(model)


def feeds_of(case: Case) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    shapes = [tuple(map(int, shape.split(","))) for shape in case.inputs]
    return {f"x{number}": rng.normal(size=shape).astype(np.float32) for number, shape in enumerate(shapes)}


def peer(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> Callable[[], object]:
    """Return a run of onnxruntime on a QDQ model whose first and last pairs are taken out."""
    graph, given = model.graph, {}
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] in feeds]:
        scale, zero = (constants[name] for name in node.input[1:])
        ends = np.iinfo(zero.dtype)
        found = np.rint(feeds[node.input[0]] / scale) + zero
        given[node.output[0]] = np.clip(found, ends.min, ends.max).astype(zero.dtype)
        graph.node.remove(node)
    last = next(node for node in graph.node if node.output[0] == graph.output[0].name)
    graph.node.remove(last)
    del graph.input[:], graph.output[:]
    for name, values in given.items():
        kind = onnx.helper.np_dtype_to_tensor_dtype(values.dtype)
        graph.input.append(onnx.helper.make_tensor_value_info(name, kind, values.shape))
    graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], kind, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, given)


def engine(program: Program, kind: str, kernels: str, feeds: dict[str, np.ndarray]) -> tuple[Callable[[], object], str]:
    """Return a run of the operator, and the kind of kernel that runs it."""
    machine = Machine(section_of(program), kernels=kernels)
    machine.ready()
    machine.run_integers({name: quantize(values, program.tensors[name].format) for name, values in feeds.items()})
    number = next(number for number, (name, *_) in enumerate(machine.operators) if name == kind)
    return lambda: machine.run_operator(number), machine.operators[number][1]


def seconds(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median time of each, all taking turns."""
    calls, found = {}, {name: [] for name in runs}
    for name, run in runs.items():
        run()
        begin = time.perf_counter()
        run()
        calls[name] = max(1, int(TURN_SECONDS / max(time.perf_counter() - begin, 1e-6)))
    for _ in range(TURNS):
        for name, run in runs.items():
            begin = time.perf_counter()
            for _ in range(calls[name]):
                run()
            found[name].append((time.perf_counter() - begin) / calls[name])
    return {name: statistics.median(each) for name, each in found.items()}


def row(case: Case, bits: int) -> tuple[str, ...]:
    model, feeds, scheme = load(model_of(case)), feeds_of(case), Affine(bits, min(bits, 8))
    formats = calibrate(model, feeds, scheme, method=MinMax(), threads=1)
    program = lower(model, formats, scheme)
    made = {kernels: engine(program, case.kind, kernels, feeds) for kernels in KINDS}
    runs = {kernels: run for kernels, (run, _) in made.items()}
    if bits != 4:
        runs["peer"] = peer(ir.to_proto(to_qdq(model, formats, scheme)), feeds)
    taken = seconds(runs)
    best = taken[KINDS[-1]]
    theirs = (f"{1e6 * taken['peer']:.0f}", f"{best / taken['peer']:.2f}") if "peer" in taken else ("", "")
    times = (f"{1e6 * taken[kernels]:.0f}" if made[kernels][1] == kernels else "" for kernels in KINDS)
    return case.name, str(bits), *times, f"{taken['ref'] / best:.0f}", *theirs


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only")
    only = arguments.parse_args().only
    rows = []
    for case in CASES:
        for bits in case.widths if only is None or only in case.name else ():
            rows.append(row(case, bits))
            print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    heads = "|".join(f">{kernels} µs" for kernels in KINDS)
    text = table(f"operator|>bits|{heads}|>times faster|>onnxruntime µs|>ratio", rows)
    print(text)
    if only is None:
        rewrite(PAGE, BEGIN, END, text)


if __name__ == "__main__":
    main()
