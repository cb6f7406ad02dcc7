"""Time attar's engine beside onnxruntime (and OpenVINO, where it is found) on networks in int8, batch 1.

    python benches/engine.py                     # all networks, one thread and two, table into docs/results.md
    python benches/engine.py --only resnet18     # one network, printed alone
    python benches/engine.py --kernels avx2      # attar once more, with no better kernels than these; printed alone

Both sides compute in int8 with weights per channel. The peers get what onnxruntime's quantizer makes of the network,
with unsigned activations, which they are fastest with; attar gets a file whose weights are entropy coded. Times do not
depend on what the weights say; ResNet-18 and VGG-16 have random ones, EfficientNet-Lite0 its own. OpenVINO is run by
the interpreter that ATTAR_OPENVINO names.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from coding.markdown import at_most, rewrite, table
from networks import ready, resnet18
from networks.shapes import Shape
from peers.environment import STORE
from sizes import PAGE

from attar import codec, container
from attar.evaluate.latency import Entrant, Timing, compete
from attar.graph import load
from attar.graph.norms import simplify_norms
from attar.runtime.engine import KERNELS, Engine
from attar.runtime.engine.build import with_program
from attar.runtime.integer import Affine, MinMax, Program, observe, run
from attar.runtime.integer.lower import lowered

BEGIN, END = "<!-- engine:begin -->", "<!-- engine:end -->"
NETWORKS = ("resnet18", "vgg16", "efficientnet_lite0", "squeezenet")
TIME_BAR, PEAK_BAR, LOAD_BAR = 1.1, {"resnet18": 0.75}, {"resnet18": 1.0}
SAMPLES = 2
THREADS = (1, 2)


def network(name: str) -> onnx.ModelProto:
    """Return the network in floats."""
    if name != "resnet18":
        return onnx.load(ready.path(name))
    rng = np.random.default_rng(0)
    return resnet18.build({key: values(key, shape, rng) for key, shape in resnet18.shapes().items()})


def values(name: str, shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Return random weights that keep activations of one size, and norms that do next to nothing."""
    if len(shape) > 1:
        return rng.laplace(0, np.sqrt(1 / np.prod(shape[1:])), shape).astype(np.float32)
    if name.endswith("running_var"):
        return np.ones(shape, np.float32)
    if name.endswith(".weight"):
        return np.full(shape, 0.7, np.float32)
    return rng.normal(0, 0.05, shape).astype(np.float32)


def samples(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {proto.graph.input[0].name: np.random.default_rng(1).normal(size=(SAMPLES, 3, 224, 224)).astype(np.float32)}


def attar_file(name: str, proto: onnx.ModelProto) -> Path:
    """Return the file of a network in integers, made when first asked for: weights on a grid, program beside them."""
    path = STORE / f"{name}_int8.attar"
    if not path.exists():
        model = simplify_norms(load(proto)).model
        inputs = samples(proto)
        formats = observe(model, inputs).formats(Affine(), method=MinMax())
        done = lowered(model, formats, Affine())
        hints = {}
        for step in done.steps:
            if step.output.name in done.chosen:
                weights = step.node.inputs[1].name
                integers, scales = done.chosen[step.output.name]
                axis = 0 if len(integers) == len(scales) else 1
                hints[weights] = codec.GridHint(integers, scales, axis)
                along = scales.reshape([-1 if i == axis else 1 for i in range(integers.ndim)])
                model.graph.initializers[weights].const_value = ir.tensor(integers.astype(np.float32) * along)
        data = with_program(container.to_bytes(model, hints=hints, threads=2), done.program)[0]
        check(data, done.program, {key: each[:1] for key, each in inputs.items()})
        path.write_bytes(data)
    return path


def check(data: bytes, program: Program, inputs: dict[str, np.ndarray]) -> None:
    """Raises SystemExit where the engine does not give the oracle's integers."""
    found, wanted = Engine(data)(inputs), run(program, inputs).outputs
    if not all(np.array_equal(found[name], values) for name, values in wanted.items()):
        raise SystemExit("the engine's answer is not the oracle's")


def peers_file(name: str, proto: onnx.ModelProto) -> Path:
    """Return the same network as onnxruntime quantizes it."""
    path = STORE / f"{name}_int8.onnx"
    if not path.exists():
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        class Reader(CalibrationDataReader):
            def __init__(self) -> None:
                self._left: Iterator = iter([{key: each[:1] for key, each in samples(proto).items()}])

            def get_next(self) -> dict | None:
                return next(self._left, None)

        source, prepared = STORE / "source.part.onnx", STORE / "prepared.part.onnx"
        onnx.save(proto, source)
        quant_pre_process(str(source), str(prepared))
        kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True}
        quantize_static(str(prepared), str(path), Reader(), quant_format=QuantFormat.QDQ, **kinds)
        source.unlink()
        prepared.unlink()
    return path


def section(name: str, kernels: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the rows of one network."""
    proto = network(name)
    ours, theirs = str(attar_file(name, proto)), str(peers_file(name, proto))
    del proto
    rows = []
    for threads in THREADS:
        entrants = [Entrant(theirs, "onnxruntime", threads), Entrant(ours, "attar", threads)]
        entrants += [Entrant(ours, "attar", threads, kernels=each) for each in kernels]
        interpreter = os.environ.get("ATTAR_OPENVINO")
        if interpreter:
            entrants.append(Entrant(theirs, "openvino", threads, interpreter))
        timings = compete(entrants, turns=7, runs=3 if name == "vgg16" else 8, loads=5)
        rows += [row(name, timing, timings[0]) for timing in timings]
        print(*rows[-len(timings) :], sep="\n", file=sys.stderr, flush=True)
    return rows


def row(name: str, timing: Timing, peer: Timing) -> tuple[str, ...]:
    """Return a row, the ratios to onnxruntime held against the bars where it is attar's."""
    is_ours = timing.entrant.runtime == "attar" and not timing.entrant.kernels
    ratio = timing.median_seconds / peer.median_seconds
    peak = timing.peak_bytes / peer.peak_bytes
    load_ = timing.median_load_seconds / peer.median_load_seconds
    verdicts = [at_most(ratio, TIME_BAR)]
    if name in PEAK_BAR:
        verdicts += [f"peak {at_most(peak, PEAK_BAR[name])}", f"loading {at_most(load_, LOAD_BAR[name])}"]
    return (
        name,
        f"{timing.entrant.runtime} {timing.entrant.kernels}".strip(),
        str(timing.entrant.threads),
        f"{1e3 * timing.median_seconds:.2f}",
        f"{ratio:.2f}",
        f"{1e3 * timing.median_load_seconds:.0f}",
        f"{load_:.2f}",
        f"{timing.peak_bytes / 1e6:.0f}",
        f"{peak:.2f}",
        f"{Path(timing.entrant.file).stat().st_size:,}",
        "; ".join(verdicts) if is_ours else "",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=NETWORKS)
    parser.add_argument("--kernels", choices=KERNELS, action="append", default=[])
    options = parser.parse_args()
    names = [options.only] if options.only else NETWORKS
    rows = [each for name in names for each in section(name, tuple(options.kernels))]
    head = "network|runtime|>threads|>ms|>ratio|>load ms|>ratio|>peak MB|>ratio|>file|"
    text = table(head, rows)
    print(text)
    if options.only is None and not options.kernels:
        rewrite(PAGE, BEGIN, END, text)


if __name__ == "__main__":
    main()
