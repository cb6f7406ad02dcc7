"""Encode and decode one network with NNCodec's public calls, as often as asked.

Usage: python nncodec_lossy_worker.py ARRAYS.npz. A line of JSON in: the settings for `encode`, and "decoded", the file
where the arrays shall go. A line of JSON out: {"size_bytes": n}. What NNCodec prints goes to the standard error. The
worker ends with its standard input.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

import numpy as np
import torch

# torchvision registers these in C++, which does not load under this torch, and declares their shapes in Python, which
# fails without them. Nothing here calls them.
OPERATORS = torch.library.Library("torchvision", "DEF")
OPERATORS.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
OPERATORS.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from nncodec.nn import decode, encode  # noqa: E402


def main() -> None:
    with np.load(sys.argv[1]) as stored:
        arrays = dict(stored)
    with tempfile.TemporaryDirectory() as folder, own_stdout() as answers:
        for line in sys.stdin:
            print(json.dumps(answer(arrays, folder, **json.loads(line))), file=answers, flush=True)


@contextmanager
def own_stdout() -> Iterator[TextIO]:
    """Yield the standard output, and send what else is printed to the standard error."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers, redirect_stdout(sys.stderr):
        yield answers


def answer(arrays: dict[str, np.ndarray], folder: str, *, decoded: str, **settings: Any) -> dict[str, int]:
    """Write what comes back into the file `decoded` and return the number of bytes that it comes from."""
    bitstream = encode(dict(arrays), args={**settings, "verbose": False, "results": folder})
    np.savez(decoded, **decode(bitstream))
    return {"size_bytes": len(bitstream)}


if __name__ == "__main__":
    main()
