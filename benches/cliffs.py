"""What must not make the engine slow: switched-off channels, two threads for little work, others who want the cores.

    python benches/cliffs.py                 # all three, printed
    python benches/cliffs.py switched tiny   # some

switched: EfficientNet-Lite0 (random weights) with one to four channels of every depthwise layer switched off (weights
times 1e-3 to 1e-8, biases kept) beside itself as it was. tiny: networks of tens of microseconds with two threads beside
one. busy: two threads beside onnxruntime's two, with two processes that compute beside both.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
from coding.markdown import at_most, table
from engine import attar_file, network, peers_file, values
from networks import efficientnet_lite0
from networks.efficientnet_lite0_shapes import shapes

from attar.graph import load
from attar.graph.norms import simplify_norms
from attar.numerics.affine import symmetric_integers, symmetric_scales
from attar.runtime.engine import Engine, Machine
from attar.runtime.engine.build import machine_of
from attar.runtime.integer import Affine, MinMax, calibrate, lower, observe
from attar.runtime.integer.lower import lowered

SWITCHED_BAR, TINY_BAR, BUSY_BAR = 1.1, 1.1, 1.3
SWITCHED, FACTORS = (1, 2, 4), (-8, -3)  # channels of a layer; exponents of ten
TURNS, BUSY = 15, 2
PEERED = ("resnet18", "efficientnet_lite0", "squeezenet")
Row = tuple[str, ...]


def row(name: str, threads: int, milliseconds: float, ratio: float, bar: float) -> Row:
    return name, str(threads), f"{milliseconds:.3f}", f"{ratio:.2f}", at_most(ratio, bar)


def switched() -> list[Row]:
    """Return rows of the network with channels switched off."""
    rng = np.random.default_rng(0)
    state = {name: values(name, shape, rng) for name, shape in shapes().items()}
    state |= {name: 10 * each for name, each in state.items() if name.endswith("_bn1.bias")}  # as large as trained ones
    before = lite0(state)
    rows = []
    for count in SWITCHED:
        after = lite0(switched_off(state, count, np.random.default_rng(count)))
        then, now = timed([(lambda machine=machine: machine.run(image(machine))) for machine in (before, after)])
        rows.append(
            (f"{count} switched off", "1", f"{now:.2f}", f"{now / then:.2f}", at_most(now / then, SWITCHED_BAR))
        )
    return rows


def switched_off(state: dict[str, np.ndarray], count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return weights with `count` channels of every depthwise layer next to nothing."""
    found = dict(state)
    for name, kernel in state.items():
        if "_depthwise_conv" in name:
            found[name] = kernel.copy()
            factors = 10.0 ** rng.uniform(*FACTORS, (count, 1, 1, 1))
            found[name][rng.choice(len(kernel), count, replace=False)] *= factors.astype(np.float32)
    return found


def lite0(state: dict[str, np.ndarray]) -> Machine:
    """Return the engine of the network, its weights on grids of 8 bits as the recipe `int8` lays them."""
    model = simplify_norms(load(efficientnet_lite0.build(state))).model
    inputs = {"image": np.random.default_rng(1).normal(size=(2, 3, 224, 224)).astype(np.float32)}
    given = dict(map(on_grid, [node.inputs[1] for node in model.graph if node.op_type in ("Conv", "Gemm")]))
    formats = observe(model, inputs, kept=given).formats(Affine(), method=MinMax())
    return machine_of(lowered(model, formats, Affine(), weights=given, coarsens=True).program)


def on_grid(value: ir.Value) -> tuple[str, tuple[np.ndarray, np.ndarray]]:
    rows = value.const_value.numpy().reshape(value.shape[0], -1)
    scales = symmetric_scales(rows)
    return value.name, (symmetric_integers(rows, scales).reshape(tuple(value.shape)).astype(np.int8), scales)


def tiny() -> list[Row]:
    """Return rows of small networks with two threads beside one."""
    rows = []
    for name, widths in {"3 layers of 64": (64,) * 4, "6 of 256": (256,) * 7, "4 of 512": (512,) * 5}.items():
        model = load(perceptron(widths))
        x = {"x": np.random.default_rng(1).normal(size=(1, widths[0])).astype(np.float32)}
        program = lower(model, calibrate(model, x, Affine()), Affine())
        machines = [machine_of(program, threads=threads) for threads in (1, 2)]
        one, two = timed([lambda machine=machine, x=x: machine.run(x) for machine in machines], runs=300)
        rows.append(row(name, 2, two, two / one, TINY_BAR))
    return rows


def perceptron(widths: tuple[int, ...]) -> onnx.ModelProto:
    rng, helper = np.random.default_rng(0), onnx.helper
    tensors, nodes = [], []
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        weights = rng.normal(size=(inputs, outputs)).astype(np.float32) / np.float32(inputs**0.5)
        tensors.append(onnx.numpy_helper.from_array(weights, f"w{i}"))
        source, target = "x" if i == 0 else f"r{i - 1}", "y" if i == len(widths) - 2 else f"r{i}"
        nodes += [
            helper.make_node("MatMul", [source, f"w{i}"], [f"h{i}"]),
            helper.make_node("Relu", [f"h{i}"], [target]),
        ]
    ends = [
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", width])]
        for name, width in (("x", widths[0]), ("y", widths[-1]))
    ]
    graph = helper.make_graph(nodes, "perceptron", *ends, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def busy() -> list[Row]:
    """Return rows of two threads beside onnxruntime's, while other processes compute."""
    runs = {name: pair(name) for name in PEERED}
    others = [multiprocessing.Process(target=compute, daemon=True) for _ in range(BUSY)]
    for other in others:
        other.start()
    try:
        found = {name: timed(list(both), runs=4) for name, both in runs.items()}
    finally:
        for other in others:
            other.terminate()
    return [row(name, 2, ours, ours / theirs, BUSY_BAR) for name, (theirs, ours) in found.items()]


def pair(name: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return onnxruntime and the engine, two threads each, on one network."""
    proto = network(name)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    session = ort.InferenceSession(peers_file(name, proto), options, providers=["CPUExecutionProvider"])
    engine = Engine(attar_file(name, proto), threads=2)
    x = image(engine.machine)
    feeds = {session.get_inputs()[0].name: next(iter(x.values()))}
    return lambda: session.run(None, feeds), lambda: engine(x)


def compute() -> None:
    while True:
        pass


def image(machine: Machine) -> dict[str, np.ndarray]:
    (port,) = machine.inputs
    return {port.name: np.random.default_rng(0).normal(size=(1, *port.shape)).astype(np.float32)}


def timed(runs_of: list[Callable[[], object]], *, runs: int = 3) -> list[float]:
    """Return the median milliseconds of each, run turn by turn."""
    seconds: list[list[float]] = [[] for _ in runs_of]
    for turn in range(TURNS + 1):
        for run, found in zip(runs_of, seconds, strict=True):
            time.sleep(0.02)  # some runtimes keep their threads busy for a while
            for _ in range(runs):
                start = time.perf_counter()
                run()
                if turn:
                    found.append(time.perf_counter() - start)
    return [1e3 * float(np.median(found)) for found in seconds]


PARTS: dict[str, Callable[[], list[Row]]] = {"switched": switched, "tiny": tiny, "busy": busy}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    for part in parser.parse_args().parts or PARTS:
        print(table(f"{part}|>threads|>ms|>ratio|", PARTS[part]()))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
