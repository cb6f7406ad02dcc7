"""Measure rounding with error feedback beside a column loop in numpy: weights per second, medians of rounds.

    python benches/rounding.py                            # every shape, five rounds
    python benches/rounding.py --only 512x4608 --rounds 9

The loop is second-order rounding as it is written without a compiled core: a column at a time, all rows at once, its
errors carried to the other columns of a block, and those of a block to the ones behind by a product. It has no rows
that answer for each other: they would have to be settled one by one. In a round all take turns. One thread is measured
by processor seconds, so that other work on the machine counts little; two threads by the clock, beside checksums in
two threads, which tell what the machine had to give. BLAS has one thread.
"""

import argparse
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from attar.codec.threads import in_threads
from attar.numerics.feedback import round_with_feedback
from attar.numerics.quadratic import Quadratic, quadratic

STEP = 0.7  # of a standard deviation: about two bits for a weight
SHAPES = ((500, 800), (512, 576), (512, 4608), (4096, 4096))
BLOCK = 128  # columns, as in the published second-order rounding
CONTROL, CONTROL_PIECES = bytes(1 << 24), 16  # control: the checksum of so many pieces
ATTAR, LOOP, ATTAR_TWICE, CONTROL_ONCE, CONTROL_TWICE = "attar", "numpy loop", "attar x2", "control", "control x2"


class Problem(NamedTuple):
    """Weights of one group, and what errors cost."""

    weights: np.ndarray
    inputs: Quadratic
    rows: Quadratic | None


class Seconds(NamedTuple):
    """What one run took."""

    cpu: float
    wall: float


Rounds = list[dict[str, Seconds]]


def problem(count: int, n: int, *, coupled: bool) -> Problem:
    """Return Laplacian weights and directions of falling power."""
    rng = np.random.default_rng(0)
    weights = rng.laplace(size=(1, count, n)).astype(np.float32)
    return Problem(weights, falling(n, rng), falling(count, rng) if coupled else None)


def falling(n: int, rng: np.random.Generator) -> Quadratic:
    """Return the form of correlated columns whose power falls from 1 to a hundredth."""
    columns = rng.standard_normal((2 * n, n), np.float32) * np.geomspace(1, 0.1, n, dtype=np.float32)
    columns[:, 1:] += 0.5 * columns[:, :-1]
    return quadratic((columns.T @ columns / len(columns)).astype(np.float64)[None], damping=0.1)


def by_attar(given: Problem, threads: int) -> np.ndarray:
    def spread(task: Callable, parts: list) -> list:
        return in_threads(task, parts, threads)

    weights, inputs, rows = given
    return round_with_feedback(weights, step=STEP, inputs=inputs, rows=rows, spread=spread)


def by_loop(given: Problem) -> np.ndarray:
    """Settle column by column; the matrix is transposed, so that every operation is on one run of memory."""
    lower, weights = given.inputs.lower[0], np.ascontiguousarray(given.weights[0].T)
    integers, errors = np.empty(weights.shape, np.int32), np.empty_like(weights)
    for stop in range(len(weights), 0, -BLOCK):
        first = max(stop - BLOCK, 0)
        targets = weights[first:stop] + lower[stop:, first:stop].T @ errors[stop:]
        for j in reversed(range(first, stop)):
            integers[j] = np.rint(targets[j - first] / np.float32(STEP))
            errors[j] = weights[j] - integers[j] * np.float32(STEP)
            targets[: j - first] += lower[j, first:j, None] * errors[j]
    return integers.T[None]


def checksums(threads: int) -> list[int]:
    return in_threads(zlib.crc32, [CONTROL] * CONTROL_PIECES, threads)


def methods(given: Problem) -> dict[str, Callable]:
    """Return what takes part in a round."""
    alone = {} if given.rows else {LOOP: partial(by_loop, given)}
    attar = {ATTAR: partial(by_attar, given, 1), ATTAR_TWICE: partial(by_attar, given, 2)}
    return {**attar, **alone, CONTROL_ONCE: partial(checksums, 1), CONTROL_TWICE: partial(checksums, 2)}


def measure(given: Problem, rounds: int) -> Rounds:
    """Return the seconds of all methods in every round. Raises SystemExit for results that may not differ."""
    results, seconds = {}, []
    for _ in range(rounds):
        turn = {}
        for name, work in methods(given).items():
            cpu, wall = time.process_time(), time.perf_counter()
            results[name] = work()
            turn[name] = Seconds(time.process_time() - cpu, time.perf_counter() - wall)
        seconds.append(turn)
    check(given, results)
    return seconds


def check(given: Problem, results: dict[str, np.ndarray]) -> None:
    """Threads change nothing; the loop adds up in another order, and a tie decided otherwise moves those behind it."""
    if not np.array_equal(results[ATTAR], results[ATTAR_TWICE]):
        raise SystemExit("two threads give other integers than one")
    if LOOP in results and not np.isclose(cost(given, results[ATTAR]), cost(given, results[LOOP]), rtol=1e-3):
        raise SystemExit(f"costs: attar {cost(given, results[ATTAR])}, loop {cost(given, results[LOOP])}")


def cost(given: Problem, integers: np.ndarray) -> float:
    return float(given.inputs.cost(given.weights - integers * np.float32(STEP)).sum())


def lines(given: Problem, rounds: Rounds) -> Iterator[str]:
    count, n = given.weights.shape[1:]
    yield f"{count}x{n}, rows {'coupled' if given.rows else 'independent'}"
    for name in (ATTAR, LOOP):
        if name in rounds[0]:
            speed = count * n / median(turn[name].cpu for turn in rounds) / 1e6
            ratio = median(turn[name].cpu / turn[ATTAR].cpu for turn in rounds)
            yield f"  {name:12} {speed:6.2f} M weights/s, {ratio:6.1f} times attar's seconds"
    gains = [
        median(turn[one].wall / turn[two].wall for turn in rounds)
        for one, two in ((ATTAR, ATTAR_TWICE), (CONTROL_ONCE, CONTROL_TWICE))
    ]
    yield f"  two threads {gains[0]:5.2f} times as fast, checksums {gains[1]:.2f} times"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="measure the shapes whose name holds this")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for count, n in SHAPES:
        for coupled in (False, True):
            if options.only in f"{count}x{n}":
                given = problem(count, n, coupled=coupled)
                print("\n".join(lines(given, measure(given, options.rounds))), flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
