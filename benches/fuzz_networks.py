"""Random networks through attar beside onnxruntime: crashes, numbers that nobody wrote, answers that differ in silence.

    python benches/fuzz_networks.py --graphs 2000 --seed 0     # seeds 0 to 1999; with --seed 800 it goes on there
    python benches/fuzz_networks.py --torch --graphs 64        # eight families, by both of torch's exporters in turn

Every network (tests/common/grown) goes through the recipes default and int8, and through --integer. A second process
does the work, so that one that aborts or hangs is a finding and the run goes on; memory that it is given is filled
with a pattern. Exit status 1: there were findings.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from select import select
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SECONDS_A_GRAPH = 120
Network = tuple[Any, Callable[[int, int], dict[str, Any]], int | None]  # of a seed: proto, samples, batch
FULL_SEARCH, FEW = 4, 2  # of so many networks one is searched as long as the recipe wants, the others in a few passes
POISON = {"MALLOC_PERTURB_": "165", "OPENBLAS_NUM_THREADS": "1"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--graphs", type=int, default=2000)
    options.add_argument("--seed", type=int, default=0, help="of the first network")
    options.add_argument("--torch", action="store_true", help="networks of torch's, random sizes: needs .[train]")
    options.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = options.parse_args()
    seeds = range(asked.seed, asked.seed + asked.graphs)
    if asked.work:
        _work(seeds, _of_torch if asked.torch else _grown)
        return
    sys.exit(1 if _watch(seeds, ["--torch"] if asked.torch else []) else 0)


def _watch(seeds: range, which: list[str]) -> int:
    """Hand seeds to workers, a new one after every death; print and count networks with findings."""
    start, count, operators = time.monotonic(), 0, Counter()
    todo = seeds
    while todo:
        seed = todo.start
        for seed, found in _worker(todo, which):
            for each in found["wrong"]:
                print(f"{seed}: {each}", flush=True)
            count += bool(found["wrong"])
            operators.update(found["operators"])
        todo = range(seed + 1, seeds.stop)
    took = time.monotonic() - start
    print(f"{len(seeds)} networks of {len(operators)} kinds of operators, {count} with findings")
    print(f"{took:.0f} s, {took / len(seeds):.2f} s each")
    return count


def _worker(seeds: range, which: list[str]) -> Iterator[tuple[int, dict]]:
    """Yield what one process finds, seed by seed, until it is done or dies; the last one may be its death."""
    command = [sys.executable, __file__, "--work", "--seed", str(seeds.start), "--graphs", str(len(seeds)), *which]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | POISON
    ) as process:
        for seed in seeds:
            ready, _, _ = select([process.stdout], [], [], SECONDS_A_GRAPH)
            line = process.stdout.readline() if ready else b""
            if not line:
                process.kill()
                death = f"ended with status {process.wait()}" if ready else f"took more than {SECONDS_A_GRAPH} s"
                yield seed, {"wrong": [f"the process {death}"], "operators": []}
                return
            yield seed, json.loads(line)


def _work(seeds: range, drawn: Callable[[int], Network]) -> None:
    from common.beside_onnxruntime import findings_of

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print
    for seed in seeds:
        proto, samples, batch = drawn(seed)
        wrong = findings_of(proto, samples, batch, passes=None if seed % FULL_SEARCH == 0 else FEW)
        kinds = sorted({node.op_type for node in proto.graph.node})
        print(json.dumps({"wrong": wrong, "operators": kinds}), file=out, flush=True)


def _grown(seed: int) -> Network:
    from common.grown import usable_network

    net = usable_network(seed)
    return net.proto, net.samples, net.batch


def _of_torch(seed: int) -> Network:
    import numpy as np
    from networks.families import FAMILIES, exported

    proto = exported(FAMILIES[seed // 2 % len(FAMILIES)], seed, dynamo=bool(seed % 2))
    shape = [extent.dim_value for extent in proto.graph.input[0].type.tensor_type.shape.dim][1:]

    def samples(count: int, of: int) -> dict[str, np.ndarray]:
        return {"x": np.random.default_rng(of).normal(size=(count, *shape)).astype(np.float32)}

    return proto, samples, None


if __name__ == "__main__":
    main()
