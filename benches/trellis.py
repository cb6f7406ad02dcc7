"""Measure what a trellis is worth: NNCodec with its dependent quantization and without, on the same weights.

    python benches/trellis.py        # prints a table: bytes, and bytes without the trellis at the same squared error

The error is that of all weights together, biases left out; between the points without a trellis bytes are interpolated.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from coding.markdown import table
from networks import judging, ready
from peers import lossy
from sizes import FASHION

STEPS = {"lenet5": (-14, -18, -22, -26, -30), "squeezenet": (-20, -24, -28, -32, -36)}  # qp: four more double the step

Point = tuple[int, float]  # bytes, squared error


def main() -> None:
    rows = (row for name in STEPS for row in compared(name))
    print(table("network|>bytes, trellis|>without, same error|>more", rows))


def compared(name: str) -> Iterator[tuple[str, ...]]:
    """Yield a line for every point with a trellis whose error lies between two without."""
    arrays = judging.floats(FASHION / f"{name}.onnx" if name == "lenet5" else Path(ready.path(name)))
    with lossy.coder(arrays) as code:
        with_trellis, without = (list(points(code, arrays, STEPS[name], use_dq=use_dq)) for use_dq in (True, False))
    sizes, errors = (np.log(column) for column in zip(*without, strict=True))
    for size_bytes, error in with_trellis:
        if errors.min() <= np.log(error) <= errors.max():
            other = float(np.exp(np.interp(-np.log(error), -errors, sizes)))
            yield name, f"{size_bytes:,}", f"{other:,.0f}", f"{other / size_bytes - 1:+.1%}"


def points(code: lossy.Code, arrays: lossy.Arrays, steps: Sequence[int], *, use_dq: bool) -> Iterator[Point]:
    for qp in steps:
        coded = code(qp, use_dq=use_dq)
        weights = [name for name, values in arrays.items() if values.ndim > 1]
        missed = (coded.arrays[name].astype(np.float64) - arrays[name] for name in weights)
        yield coded.size_bytes, sum(float(np.sum(np.square(each))) for each in missed)


if __name__ == "__main__":
    main()
