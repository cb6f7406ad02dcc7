"""Meter one work of memory.py in this process. Usage: python memory_worker.py WORK FOLDER; prints JSON.

Two meters: the growth of the peak of resident memory (VmHWM, so Linux alone) over what the process held with its input
loaded, and the peak of tracemalloc, which sees NumPy's arrays and Python's objects but nothing else. The input, the
caller's tensor and integers or the payload, is not counted; all that is made is, the result too.
"""

import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from attar import codec

STEP = np.float32(2.0**-6)


def prepared(work: str, folder: Path) -> Callable[[], object]:
    """Return the work with its input loaded."""
    if work.startswith("decode"):
        payload = (folder / "payload").read_bytes()
        coder, *shape = json.loads((folder / "form.json").read_text(encoding="ascii"))
        form = {"dtype": np.dtype(np.float32), "shape": tuple(shape), "threads": 1 + ("two" in work)}
        return lambda: codec.decode(coder, payload, **form)
    values = np.load(folder / "values.npy")
    if "inside" in work:
        return lambda: codec.encode(values)
    hint = codec.GridHint(np.load(folder / "integers.npy"), np.array([STEP]))
    return lambda: codec.encode(values, hint=hint)


def meter(work: Callable[[], object]) -> dict[str, int]:
    """Return what `work` takes, by either meter: the resident memory first, as the tracing takes some itself."""
    before = resident_peak()
    work()
    resident = resident_peak() - before
    tracemalloc.start()
    work()
    return {"resident_bytes": resident, "traced_bytes": tracemalloc.get_traced_memory()[1]}


def resident_peak() -> int:
    """Return the greatest resident memory of this process so far, bytes. What getrusage says may be the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    print(json.dumps(meter(prepared(sys.argv[1], Path(sys.argv[2])))))
