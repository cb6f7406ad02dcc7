"""Make a peer's environment when it is first asked for, and run that peer's worker in it.

An environment lives in benches/.peers/NAME. It holds what requirements/NAME.txt pins, and a stamp, written last, that
says from which pins and which Python it was made: another list or another Python makes it anew.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
STORE = HERE.parent / ".peers"
STAMP = "made-from.txt"
WITHOUT_DEPENDENCIES = ("nncodec", "nncodec_lossy", "efficientnet_lite0", "ndf", "photos")  # as their lists say
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Measured:
    """What a peer needed for one tensor: bytes, and the best wall and CPU seconds of its runs on one thread."""

    count: int
    size_bytes: int
    encode_s: float
    decode_s: float
    encode_cpu_s: float
    decode_cpu_s: float


def measure(peer: str, tensors: Mapping[str, np.ndarray]) -> dict[str, Measured]:
    """Return what `peer` ("nncodec", "zipnn") made of every tensor; its worker has checked the round trip.

    nncodec takes int32 tensors; zipnn takes float32, float16, and bfloat16 as uint16 under a name that ends in ":bf16".
    Raises subprocess.CalledProcessError where the peer failed or gave back other values.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "tensors.npz", Path(folder) / "report.json"
        np.savez(source, **tensors)
        worker = HERE / f"{peer}_worker.py"
        subprocess.run([interpreter(peer), worker, source, target], check=True, env={**os.environ, **ONE_THREAD})
        report = json.loads(target.read_text(encoding="utf-8"))
    return {name: measured(fields) for name, fields in report.items()}


def measured(fields: dict[str, Any]) -> Measured:
    return Measured(size_bytes=fields["bytes"], **{key: value for key, value in fields.items() if key != "bytes"})


def interpreter(name: str) -> Path:
    """Return the Python of environment `name`, made first if it is missing or was made from something else."""
    folder, pins = STORE / name, HERE / "requirements" / f"{name}.txt"
    made_from = f"Python {sys.version}\n{pins.read_text(encoding='utf-8')}"
    stamp = folder / STAMP
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != made_from:
        print(f"making {folder}", file=sys.stderr, flush=True)
        build(folder, pins, options=["--no-deps"] if name in WITHOUT_DEPENDENCIES else [])
        stamp.write_text(made_from, encoding="utf-8")
    return python_of(folder)


def build(folder: Path, pins: Path, *, options: list[str]) -> None:
    """Make the environment in `folder` from nothing."""
    venv.create(folder, with_pip=True, clear=True)
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([python_of(folder), "-m", "pip", "install", *quiet, *options, "-r", pins], check=True)


def python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
