"""NNCodec as its users call it: a network's arrays in, the bytes of the file and the arrays that come back out.

    with lossy.coder(arrays) as code:
        coded = code(qp=-20)

All arrays of the network go in. Those of one dimension (biases, norms) keep NNCodec's own fine step (nonweight_qp -75)
unless `qp_per_tensor` names them. One process serves all calls: NNCodec takes longer to load than to code a network.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from peers.environment import HERE, ONE_THREAD, interpreter

Arrays = Mapping[str, np.ndarray]
PEER = "nncodec_lossy"


@dataclass(frozen=True)
class Coded:
    """A file of NNCodec: its size, and what it decodes to under the same names."""

    size_bytes: int
    arrays: dict[str, np.ndarray]


Code = Callable[..., Coded]


@contextmanager
def coder(arrays: Arrays) -> Iterator[Code]:
    """Yield `code(qp, qp_per_tensor=None, *, use_dq=True, opt_qp=False) -> Coded` for the float32 `arrays`.

    A larger qp is coarser, and four more double the step. `qp_per_tensor` overrules `qp` for the tensors that it names;
    `opt_qp` lets NNCodec make large tensors and those of small weights coarser. Raises ValueError where an array is not
    float32.
    """
    check(arrays)
    with tempfile.TemporaryDirectory() as folder, serving(arrays, Path(folder)) as process:
        decoded = Path(folder) / "decoded.npz"

        def code(
            qp: int, qp_per_tensor: Mapping[str, int] | None = None, *, use_dq: bool = True, opt_qp: bool = False
        ) -> Coded:
            own = None if qp_per_tensor is None else dict(qp_per_tensor)
            settings = {"qp": qp, "qp_per_tensor": own, "use_dq": use_dq, "opt_qp": opt_qp}
            size_bytes = ask(process, {**settings, "decoded": str(decoded)})["size_bytes"]
            with np.load(decoded) as stored:
                return Coded(size_bytes, {name: stored[name].reshape(arrays[name].shape) for name in arrays})

        yield code


def check(arrays: Arrays) -> None:
    for name, values in arrays.items():
        if values.dtype != np.float32:
            raise ValueError(f"{name}: NNCodec is given float32 alone, not {values.dtype}")


@contextmanager
def serving(arrays: Arrays, folder: Path) -> Iterator[subprocess.Popen]:
    """Yield a worker that has read the arrays; it ends with its standard input."""
    source = folder / "arrays.npz"
    np.savez(source, **arrays)
    command = [interpreter(PEER), HERE / f"{PEER}_worker.py", source]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, **ONE_THREAD}, **pipes) as process:
        yield process


def ask(process: subprocess.Popen, request: dict) -> dict:
    """Return the worker's answer. Raises RuntimeError if it ended without one."""
    print(json.dumps(request), file=process.stdin, flush=True)
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"NNCodec ended (exit status {process.wait()}) instead of coding with {request}")
    return json.loads(answer)
