"""Measure the floats model beside zipnn on one core: sizes, ratios and speeds, as medians of interleaved rounds.

    python benches/floats.py                          # every tensor, five rounds
    python benches/floats.py --only normal --rounds 3

In a round each does its best of up to seven runs (peers/worker.py). Seconds are those of the processor, on one thread,
so that other work on the machine counts little. The row "attar codec" is all that a file costs: the search for a better
model and, in encoding, the proof that every bit comes back.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

import ml_dtypes
import nets
import numpy as np
from peers import environment

from attar import codec
from attar.codec.floats import decode_floats, encode_floats
from attar.codec.window import Window

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
LARGE = 1 << 24
MAX_RUNS, ENOUGH_S = 7, 1.0  # as in peers/worker.py


class Run(NamedTuple):
    """One method's payload and its processor seconds on one tensor."""

    size_bytes: int
    encode_cpu_s: float
    decode_cpu_s: float


def tensors() -> Iterator[tuple[str, np.ndarray]]:
    """Yield a trained network in three types, 16 M made-up weights, and 16 M that were trained in bfloat16."""
    trained = np.concatenate([values.reshape(-1) for _, values in nets.efficientnet_lite0()])
    for dtype in (trained.dtype, BFLOAT16, np.dtype(np.float16)):
        yield f"EfficientNet-Lite0 {dtype}", trained.astype(dtype)
    rng = np.random.default_rng(0)
    yield "normal float32", rng.standard_normal(LARGE, np.float32) * np.float32(0.02)
    laplacian = nets.laplacian((LARGE,), 0.02, rng)
    yield "laplacian float32", laplacian
    yield "bfloat16 held in float32", laplacian.astype(BFLOAT16).astype(np.float32)


def run_zipnn(array: np.ndarray) -> Run:
    is_bfloat16 = array.dtype == BFLOAT16
    name = "tensor:bf16" if is_bfloat16 else "tensor"
    measured = environment.measure("zipnn", {name: array.view(np.uint16) if is_bfloat16 else array})[name]
    return Run(measured.size_bytes, measured.encode_cpu_s, measured.decode_cpu_s)


def run_floats(array: np.ndarray) -> Run:
    window = Window(array.dtype, array.shape, 0, array.size)
    payload, encode_cpu_s = best_of(lambda: encode_floats(array))
    decoded, decode_cpu_s = best_of(lambda: decode_floats(0, payload, window))
    return Run(len(payload), encode_cpu_s, decode_cpu_s) if same(decoded, array) else different(array)


def run_codec(array: np.ndarray) -> Run:
    encoded, encode_cpu_s = best_of(lambda: codec.encode(array))
    form = {"dtype": array.dtype, "shape": array.shape}
    decoded, decode_cpu_s = best_of(lambda: codec.decode(encoded.coder, encoded.payload, **form))
    return Run(encoded.size_bytes, encode_cpu_s, decode_cpu_s) if same(decoded, array) else different(array)


METHODS = {"zipnn": run_zipnn, "attar floats": run_floats, "attar codec": run_codec}


def best_of(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `work` returns and its least processor seconds over several runs."""
    seconds: list[float] = []
    result = None
    while len(seconds) < MAX_RUNS and sum(seconds) < ENOUGH_S:
        result = None  # its memory is given back before the next run asks for as much
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return result, min(seconds)


def same(decoded: np.ndarray, array: np.ndarray) -> bool:
    return np.array_equal(decoded.view(np.uint8), array.view(np.uint8))


def different(array: np.ndarray) -> Run:
    raise SystemExit(f"a tensor of {array.dtype}: what was decoded is not what was encoded")


def table(name: str, array: np.ndarray, rounds: int) -> str:
    """Return the rows of one tensor; the methods take turns, so that a busy machine slows all of them."""
    runs = [{method: run(array) for method, run in METHODS.items()} for _ in range(rounds)]
    lines = [f"{name}, {array.size:,} elements, {array.nbytes:,} bytes"]
    for method in METHODS:
        size = runs[0][method].size_bytes
        encode, decode = (
            array.nbytes / median(getattr(taken[method], field) for taken in runs) / 1e6
            for field in ("encode_cpu_s", "decode_cpu_s")
        )
        lines.append(
            f"  {method:13} {size:>12,} bytes  ratio {array.nbytes / size:.4f}"
            f"  encode {encode:6,.0f} MB/s  decode {decode:6,.0f} MB/s"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="measure the tensors whose name holds this")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for name, array in tensors():
        if options.only in name:
            print(table(name, array, options.rounds), flush=True)


if __name__ == "__main__":
    main()
