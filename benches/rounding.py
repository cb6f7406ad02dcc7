"""Measure rounding with error feedback beside a column loop in numpy: million weights per second, medians of rounds.

    python benches/rounding.py                            # every shape, five rounds
    python benches/rounding.py --only 512x4608 --rounds 9

The loop is the usual way of second-order rounding without a compiled core: a column at a time, all rows at once, then
a rank-1 update of the columns not yet settled. It has no rows that answer for each other: they would have to be settled
one by one. In a round all methods take turns, so that other work on the machine slows all of them; seconds are those
of the clock, BLAS has one thread.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from attar import codec
from attar.codec.threads import in_threads
from attar.numerics.feedback import Prices, round_with_feedback
from attar.numerics.quadratic import Quadratic, quadratic

STEP = 0.7  # of a standard deviation: about two bits for a weight
SHAPES = ((500, 800, False), (500, 800, True), (512, 4608, False), (512, 4608, True), (4096, 4096, False))
LOOP = "numpy loop"
LOOP_MOST = 1 << 23  # weights; beyond, the loop takes minutes and is run once


class Problem(NamedTuple):
    """Weights of one group, what errors cost, what integers cost."""

    weights: np.ndarray
    inputs: Quadratic
    rows: Quadratic | None
    prices: Prices

    @property
    def name(self) -> str:
        count, n = self.weights.shape[1:]
        return f"{count}x{n}, rows {'coupled' if self.rows else 'independent'}"


def problem(count: int, n: int, coupled: bool) -> Problem:
    """Return Laplacian weights, inputs and outputs that fade from direction to direction, and the codec's own prices."""
    rng = np.random.default_rng(0)
    weights = rng.laplace(size=(1, count, n)).astype(np.float32)
    inputs, rows = faded(n, rng), faded(count, rng) if coupled else None
    integers = np.rint(weights / STEP).astype(np.int32)
    rates = codec.rates_of(integers[0], reach=2 * int(np.abs(integers).max()) + 2)
    rate = 0.0128 * STEP**2 * inputs.effective * (rows.effective if rows else 1.0)
    return Problem(weights, inputs, rows, Prices(rates.bits, np.ascontiguousarray(rates.tables)[None], rate))


def faded(n: int, rng: np.random.Generator) -> Quadratic:
    """Return a form whose principal values fall as those of trained networks do, from 1 to a hundredth."""
    columns = rng.standard_normal((2 * n, n), np.float32) * np.geomspace(1, 0.1, n, dtype=np.float32)
    columns[:, 1:] += 0.5 * columns[:, :-1]
    return quadratic((columns.T @ columns / len(columns)).astype(np.float64)[None], damping=0.1)


def by_attar(given: Problem, threads: int) -> np.ndarray:
    spread = partial(spread_over, threads)
    return round_with_feedback(
        given.weights, step=STEP, inputs=given.inputs, prices=given.prices, rows=given.rows, spread=spread
    )


def spread_over(threads: int, task: Callable, parts: list) -> list:
    return in_threads(task, parts, threads)


def by_loop(given: Problem) -> np.ndarray:
    """Settle column by column; columns lie one after the other, so that every operation is on one run of memory."""
    lower, curvature, prices = given.inputs.lower[0], given.inputs.curvature[0], given.prices
    targets = np.ascontiguousarray(given.weights[0].T)
    tables = np.ascontiguousarray(prices.tables[0].T)
    weights, integers = targets.copy(), np.empty(targets.shape, np.int32)
    for j in reversed(range(len(targets))):
        price = np.float32(prices.rate / (STEP**2 * curvature[j]))
        integers[j] = cheapest(targets[j] / np.float32(STEP), price, prices.bits, tables[j])
        error = weights[j] - integers[j] * np.float32(STEP)
        targets[:j] += lower[j, :j, None] * error
    return integers.T[None]


def cheapest(places: np.ndarray, price: np.float32, bits: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Return of zero and the four integers around each place the one of least distance^2 + price x bits."""
    reach = bits.shape[1] // 2
    floor = np.clip(np.floor(places), -reach, reach).astype(np.int32)
    best = np.zeros_like(floor)
    least = np.square(places) + price * bits[tables, reach]
    for k in (-1, 0, 1, 2):
        q = np.clip(floor + k, -reach, reach)
        cost = np.square(q - places) + price * bits[tables, q + reach]
        is_less = cost < least
        best, least = np.where(is_less, q, best), np.where(is_less, cost, least)
    return best


def methods(given: Problem, turn: int) -> dict[str, Callable[[], np.ndarray]]:
    """Return what takes part in a round."""
    found: dict[str, Callable[[], np.ndarray]] = {
        "attar, 1 thread": partial(by_attar, given, 1),
        "attar, 2 threads": partial(by_attar, given, 2),
    }
    if given.rows is None and (turn == 0 or given.weights.size <= LOOP_MOST):
        found[LOOP] = partial(by_loop, given)
    return found


def measure(given: Problem, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every method in every round. Raises SystemExit where results differ by more than ties do."""
    seconds: dict[str, list[float]] = {}
    results: dict[str, np.ndarray] = {}
    for turn in range(rounds):
        for name, work in methods(given, turn).items():
            start = time.perf_counter()
            results[name] = work()
            seconds.setdefault(name, []).append(time.perf_counter() - start)
    check(given, results)
    return seconds


def check(given: Problem, results: dict[str, np.ndarray]) -> None:
    """Threads change nothing; the loop adds up in another order, and a tie decided otherwise moves those after it."""
    one, two, loop = results["attar, 1 thread"], results["attar, 2 threads"], results.get(LOOP)
    if not np.array_equal(one, two):
        raise SystemExit(f"{given.name}: two threads give other integers than one")
    if loop is not None and not np.isclose(cost_of(given, one), cost_of(given, loop), rtol=1e-3):
        raise SystemExit(f"{given.name}: the loop finds {cost_of(given, loop)}, attar {cost_of(given, one)}")


def cost_of(given: Problem, integers: np.ndarray) -> float:
    prices = given.prices
    error = given.inputs.cost((given.weights - integers * np.float32(STEP)).astype(np.float64)).sum()
    bits = prices.bits[prices.tables, integers + prices.bits.shape[1] // 2].sum(dtype=np.float64)
    return float(error + prices.rate * bits)


def table(given: Problem, seconds: dict[str, list[float]]) -> Iterator[str]:
    yield given.name
    base = median(seconds["attar, 1 thread"])
    for name, taken in seconds.items():
        speed = given.weights.size / median(taken) / 1e6
        yield f"  {name:17} {speed:8.2f} M weights/s   {base / median(taken):6.3f} of one thread   {len(taken)} rounds"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="measure the shapes whose name holds this")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for shape in SHAPES:
        name = f"{shape[0]}x{shape[1]}, rows {'coupled' if shape[2] else 'independent'}"
        if options.only in name:
            given = problem(*shape)
            print("\n".join(table(given, measure(given, options.rounds))), flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
