"""Weights per second, attar and NNCodec in turns.

In a round each does its best of up to seven runs of every tensor (peers/worker.py, the same code for both); the best of
all rounds counts. One core is compared by processor seconds, so that other work on the machine matters little, two
cores by wall seconds; the control, checksums in threads, tells what the machine itself had to give. attar's encode is
all of `codec.encode`: the search for a model, and the proof by decoding.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial

import nets
import numpy as np
from peers import environment, worker

from attar import codec
from coding.markdown import at_least, table

STEP = np.float32(2.0**-6)
LIMIT = 127
DECODE_BAR, ENCODE_BAR, THREADS_BAR = 12, 5, 1.8
CONTROL, CONTROL_PIECES = bytes(1 << 24), 32  # control: the checksum of so many pieces
TO_FLOAT32, TO_INT8, ENCODE, CHECKSUM = "decode to float32", "decode to int8", "encode", "control"

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Speed:
    """Best seconds that one method took for one tensor."""

    case: str
    rate: float
    name: str
    count: int
    method: str
    work: str
    threads: int
    wall_s: float
    cpu_s: float


def integers_of(net: nets.Net, rate: float) -> dict[str, np.ndarray]:
    """Return the tensors as int8 at `rate` bits per weight; the few beyond +-127 are clipped."""
    return {name: np.clip(q, -LIMIT, LIMIT).astype(np.int8) for name, q in nets.quantize(net, rate)}


def measure(case: str, net: nets.Net, rate: float, rounds: int) -> Iterator[Speed]:
    """Yield the runs of all rounds."""
    tensors = integers_of(net, rate)
    for _ in range(rounds):
        yield from one_round(case, rate, tensors)


def one_round(case: str, rate: float, tensors: Tensors) -> Iterator[Speed]:
    for name, integers in tensors.items():
        for work, threads, wall_s, cpu_s in attar_runs(name, integers):
            yield Speed(case, rate, name, integers.size, "attar", work, threads, wall_s, cpu_s)
    for threads in (1, 2):
        _, *seconds = best(partial(checksums, threads))
        yield Speed(case, rate, CHECKSUM, CONTROL_PIECES * len(CONTROL), "attar", CHECKSUM, threads, *seconds)
    peers = environment.measure("nncodec", {name: integers.astype(np.int32) for name, integers in tensors.items()})
    for name, peer in peers.items():
        known = (case, rate, name, peer.count, "NNCodec")
        yield Speed(*known, ENCODE, 1, peer.encode_s, peer.encode_cpu_s)
        yield Speed(*known, TO_FLOAT32, 1, peer.decode_s, peer.decode_cpu_s)


def attar_runs(name: str, integers: np.ndarray) -> Iterator[tuple[str, int, float, float]]:
    """Yield work, threads, wall and CPU seconds. Raises SystemExit if what comes back differs."""
    values = integers.astype(np.float32) * STEP
    hint = codec.GridHint(integers.astype(np.int32), np.array([STEP]))
    for threads in (1, 2):
        grid, *seconds = best(encoding(values, hint, threads))
        yield ENCODE, threads, *seconds
    for work, array, stream in ((TO_FLOAT32, values, grid), (TO_INT8, integers, codec.encode(integers))):
        for threads in (1, 2):
            decoded, *seconds = best(decoding(stream, array, threads))
            if not np.array_equal(decoded, array):
                raise SystemExit(f"{name}: what was decoded is not what was encoded")
            yield work, threads, *seconds


def checksums(threads: int) -> None:
    """Do work that needs no memory to speak of and shares nothing."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(zlib.crc32, [CONTROL] * CONTROL_PIECES))


def encoding(values: np.ndarray, hint: codec.GridHint, threads: int) -> Callable[[], codec.Encoded]:
    effort = codec.Effort(threads=threads)
    return lambda: codec.encode(values, hint=hint, effort=effort)


def decoding(stream: codec.Encoded, array: np.ndarray, threads: int) -> Callable[[], np.ndarray]:
    form = {"dtype": array.dtype, "shape": array.shape, "threads": threads}
    return lambda: codec.decode(stream.coder, stream.payload, **form)


def best(work: Callable) -> tuple:
    return worker.best_of(lambda: None, lambda _: work())


def record(row: Speed) -> dict:
    return asdict(row)


# Tables.


def tables(rows: Sequence[Speed]) -> str:
    cases = dict.fromkeys((row.case, row.rate) for row in rows)
    return f"### Speed, million weights a second\n\n{one_core(rows, cases)}\n\n{two_cores(rows, cases)}"


def one_core(rows: Sequence[Speed], cases: Mapping) -> str:
    lines = []
    for case, rate in cases:
        for work, bar in ((TO_FLOAT32, DECODE_BAR), (TO_INT8, DECODE_BAR), (ENCODE, ENCODE_BAR)):
            ours = million_a_second(rows, case, rate, "attar", work, 1, "cpu_s")
            theirs = million_a_second(rows, case, rate, "NNCodec", ENCODE if work == ENCODE else TO_FLOAT32, 1, "cpu_s")
            times = ours / theirs if theirs else float("nan")
            lines.append(
                [case, f"{rate:g}", work, f"{theirs:.1f}", f"{ours:.1f}", f"{times:.1f}", at_least(times, bar)]
            )
    return table("weights|>bits per weight|one core|>NNCodec|>attar|>times as fast|bar", lines)


def two_cores(rows: Sequence[Speed], cases: Mapping) -> str:
    lines = []
    for case, rate in cases:
        for work in (CHECKSUM, TO_FLOAT32, TO_INT8, ENCODE):
            one, two = (million_a_second(rows, case, rate, "attar", work, threads, "wall_s") for threads in (1, 2))
            times = two / one if one else float("nan")
            bar = "what the machine gave" if work == CHECKSUM else at_least(times, THREADS_BAR)
            lines.append([case, f"{rate:g}", work, f"{one:.1f}", f"{two:.1f}", f"{times:.2f}", bar])
    return table("weights|>bits per weight|attar|>one thread|>two threads|>times as fast|bar", lines)


def million_a_second(
    rows: Sequence[Speed], case: str, rate: float, method: str, work: str, threads: int, field: str
) -> float:
    """Return weights over the sum of every tensor's best seconds, in millions; 0 if nothing was measured."""
    wanted = (case, rate, method, work, threads)
    seconds: dict[str, float] = {}
    counts: dict[str, int] = {}
    for row in rows:
        if (row.case, row.rate, row.method, row.work, row.threads) == wanted:
            seconds[row.name] = min(getattr(row, field), seconds.get(row.name, float("inf")))
            counts[row.name] = row.count
    return sum(counts.values()) / sum(seconds.values()) / 1e6 if seconds else 0.0
