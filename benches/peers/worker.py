"""What every worker shares: timing, and arrays in, JSON out. Usage: python NAME_worker.py TENSORS.npz REPORT.json.

The report has, per tensor: count, bytes, encode_s, decode_s, encode_cpu_s, decode_cpu_s.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MAX_RUNS = 7
ENOUGH_S = 1.0  # no further run is begun after this many seconds: one is right for a large tensor


def serve(measure: Callable[[str, np.ndarray], dict[str, Any]]) -> None:
    """Write what `measure(name, tensor)` says of every tensor in the file that the command line names."""
    source, target = sys.argv[1:]
    with np.load(source) as stored:
        report = {name: measure(name, stored[name]) for name in stored.files}
    Path(target).write_text(json.dumps(report, indent=1), encoding="utf-8")


def round_trip(
    name: str, size: int, fresh: Callable[[], Any], encode: Callable[[Any], Any], decode: Callable[[Any], Any]
) -> dict[str, Any]:
    """Time `encode` and `decode` of one tensor of `size` weights and return its part of the report.

    `fresh` gives the input of one run and is not timed: a peer may write into what it was given.
    Raises SystemExit if what comes back differs.
    """
    payload, encode_s, encode_cpu_s = best_of(fresh, encode)
    decoded, decode_s, decode_cpu_s = best_of(lambda: payload, decode)
    if not np.array_equal(decoded, fresh()):
        raise SystemExit(f"{name}: what was decoded is not what was encoded")
    times = {"encode_s": encode_s, "decode_s": decode_s, "encode_cpu_s": encode_cpu_s, "decode_cpu_s": decode_cpu_s}
    return {"count": size, "bytes": len(payload), **times}


def best_of(fresh: Callable[[], Any], work: Callable[[Any], Any]) -> tuple[Any, float, float]:
    """Return the result of `work(fresh())` and its least wall and CPU seconds over several runs."""
    wall_s, cpu_s = [], []
    while len(wall_s) < MAX_RUNS and sum(wall_s) < ENOUGH_S:
        given = fresh()
        wall, cpu = time.perf_counter(), time.process_time()
        result = work(given)
        wall_s.append(time.perf_counter() - wall)
        cpu_s.append(time.process_time() - cpu)
    return result, min(wall_s), min(cpu_s)
