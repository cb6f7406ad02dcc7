"""Random networks through attar beside onnxruntime: crashes, numbers that nobody wrote, answers that differ in silence.

    python benches/fuzz_networks.py --graphs 2000 --seed 0     # seeds 0 to 1999; with --seed 800 it goes on there

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
from collections.abc import Iterator
from pathlib import Path
from select import select

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SECONDS_A_GRAPH = 120
FULL_SEARCH, FEW = 4, 2  # of so many networks one is searched as long as the recipe wants, the others in a few passes
POISON = {"MALLOC_PERTURB_": "165", "OPENBLAS_NUM_THREADS": "1"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--graphs", type=int, default=2000)
    options.add_argument("--seed", type=int, default=0, help="of the first network")
    options.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = options.parse_args()
    seeds = range(asked.seed, asked.seed + asked.graphs)
    if asked.work:
        _work(seeds)
        return
    sys.exit(1 if _watch(seeds) else 0)


def _watch(seeds: range) -> int:
    """Hand seeds to workers, a new one after every death; print and count networks with findings."""
    start, count, operators = time.monotonic(), 0, Counter()
    todo = seeds
    while todo:
        seed = todo.start
        for seed, found in _worker(todo):
            for each in found["wrong"]:
                print(f"{seed}: {each}", flush=True)
            count += bool(found["wrong"])
            operators.update(found["operators"])
        todo = range(seed + 1, seeds.stop)
    took = time.monotonic() - start
    print(f"{len(seeds)} networks of {len(operators)} kinds of operators, {count} with findings")
    print(f"{took:.0f} s, {took / len(seeds):.2f} s each")
    return count


def _worker(seeds: range) -> Iterator[tuple[int, dict]]:
    """Yield what one process finds, seed by seed, until it is done or dies; the last one may be its death."""
    command = [sys.executable, __file__, "--work", "--seed", str(seeds.start), "--graphs", str(len(seeds))]
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


def _work(seeds: range) -> None:
    from common.beside_onnxruntime import findings_of
    from common.grown import usable_network

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print
    for seed in seeds:
        net = usable_network(seed)
        passes = None if seed % FULL_SEARCH == 0 else FEW
        wrong = findings_of(net.proto, net.samples, net.batch, passes=passes)
        kinds = sorted({node.op_type for node in net.proto.graph.node})
        print(json.dumps({"wrong": wrong, "operators": kinds}), file=out, flush=True)


if __name__ == "__main__":
    main()
