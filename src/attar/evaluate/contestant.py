"""A fresh process that loads one file in one runtime and runs it when asked: `python -m attar.evaluate.contestant`.

Arguments: runtime, file, threads, and for attar the best kind of kernels that it may take. It answers lines of JSON:
first the seconds of loading; then, for a number N on its input, the seconds of N runs; for the word "layers" those of
every operator, where the runtime can tell; at the end of its input its peak memory. Inputs are normal numbers of seed
0, batch 1, unless a word "inputs=FILE.npz" brings others.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

REPEATS = 9  # of every operator, for a median
INPUTS = "inputs="
GIVEN: dict[str, np.ndarray] = {}

Run = Callable[[], Any]
Runner = tuple[Run, Callable[[], list[dict[str, Any]]] | None]


def main() -> None:
    runtime, path, threads, *words = sys.argv[1:]
    kernels = [word for word in words if not word.startswith(INPUTS)]
    for word in set(words).difference(kernels):
        GIVEN.update(np.load(word.removeprefix(INPUTS)))
    start = time.perf_counter()
    run, layers = RUNTIMES[runtime](path, int(threads), *kernels)
    _say({"load": time.perf_counter() - start})
    for line in sys.stdin:
        if line.strip() == "layers":
            _say({"layers": layers() if layers is not None else []})
        else:
            _say({"seconds": [_timed(run) for _ in range(int(line))]})
    _say({"peak_bytes": _peak_bytes()})


def _peak_bytes() -> int:
    """Return the most memory that this process held; where Linux tells it, without what the parent held at the fork."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _say(document: Mapping[str, Any]) -> None:
    print(json.dumps(document), flush=True)


def _timed(run: Run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _attar(path: str, threads: int, kernels: str = "") -> Runner:
    from ..runtime.engine import KERNELS, Engine

    machine = Engine(path, threads=threads, kernels=kernels or KERNELS[-1]).machine
    inputs = _inputs({port.name: (1, *port.shape) for port in machine.inputs})

    def layers() -> list[dict[str, Any]]:
        machine.run(inputs)
        operators = zip(machine.operators, machine.slower, strict=True)
        return [
            {
                "operator": kind,
                "kernels": kernels,
                "slower": slower,
                "elements": elements,
                "seconds": _median(machine, number),
            }
            for number, ((kind, kernels, elements), slower) in enumerate(operators)
        ]

    return lambda: machine.run(inputs), layers


def _median(machine: Any, number: int) -> float:
    return float(np.median([_timed(lambda: machine.run_operator(number)) for _ in range(REPEATS)]))


def _onnxruntime(path: str, threads: int) -> Runner:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    shapes = {value.name: tuple(d if isinstance(d, int) else 1 for d in value.shape) for value in session.get_inputs()}
    inputs = _inputs(shapes)
    return lambda: session.run(None, inputs), None


def _openvino(path: str, threads: int) -> Runner:
    import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"})
    network = core.read_model(path)
    shapes = {}
    for port in network.inputs:
        shapes[port.any_name] = tuple(d.get_length() if d.is_static else 1 for d in port.partial_shape)
    network.reshape(shapes)
    request = core.compile_model(network, "CPU").create_infer_request()
    inputs = _inputs(shapes)
    return lambda: request.infer(inputs), None


def _inputs(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    if GIVEN:
        return {name: GIVEN[name] for name in shapes}
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


RUNTIMES: dict[str, Callable[..., Runner]] = {
    "attar": _attar,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
}

if __name__ == "__main__":
    main()
