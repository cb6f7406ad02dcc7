"""Peak memory of encoding and decoding one large float32 tensor, each in a process of its own (memory_worker.py)."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import nets
import numpy as np

from attar import codec
from coding.markdown import at_most, table
from coding.memory_worker import STEP

BARS = {"encode": 1.5, "encode, integers found inside": None, "decode": 1.1, "decode, two threads": 1.1}
RATE = 3
WORKER = Path(__file__).with_name("memory_worker.py")


@dataclass(frozen=True)
class Memory:
    """Peaks in bytes over what was there before; `fp32_bytes` is the size of the tensor."""

    work: str
    fp32_bytes: int
    resident_bytes: int
    traced_bytes: int


def measure(rows: int, columns: int) -> Iterator[Memory]:
    """Yield every work for one matrix of that shape."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), rows, columns)
        for work in BARS:
            command = [sys.executable, WORKER, work, folder]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            yield Memory(work, 4 * rows * columns, **json.loads(done.stdout))


def prepare(folder: Path, rows: int, columns: int) -> None:
    ((_, integers),) = nets.quantize(lambda: nets.uneven(axis=0, shape=(rows, columns)), RATE)
    values = integers.astype(np.float32) * STEP
    np.save(folder / "integers.npy", integers)
    np.save(folder / "values.npy", values)
    encoded = codec.encode(values, hint=codec.GridHint(integers, np.array([STEP])))
    (folder / "payload").write_bytes(encoded.payload)
    (folder / "form.json").write_text(json.dumps([encoded.coder, *values.shape]), encoding="ascii")


def record(row: Memory) -> dict:
    return asdict(row)


def tables(rows: Sequence[Memory]) -> str:
    lines = []
    for row in rows:
        resident, traced = row.resident_bytes / row.fp32_bytes, row.traced_bytes / row.fp32_bytes
        bar = BARS[row.work]
        met = at_most(max(resident, traced), bar) if bar else "none"
        lines.append([row.work, f"{row.fp32_bytes >> 20:,} MiB", f"{resident:.2f}", f"{traced:.2f}", met])
    heads = "work|>tensor|>resident, times fp32|>tracemalloc, times fp32|bar"
    return f"### Peak memory over the input\n\n{table(heads, lines)}"
