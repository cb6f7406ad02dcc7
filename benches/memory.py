"""Plan the activation memory of networks at 8 bits, and write the table into docs/results.md.

python benches/memory.py                 # all networks, seconds
python benches/memory.py --only lenet5   # one of them, printed alone
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nets
import onnx
from coding.markdown import at_most, rewrite, table
from networks import alexnet, random_wiring, ready, resnet18, vgg16
from networks.shapes import count, zeros
from sizes import PAGE

from attar.graph import load
from attar.graph.lifetimes import activations
from attar.plan.arena import plan_arena
from attar.plan.program import in_bytes
from attar.report.memory import MemoryFacts, facts_of

BEGIN, END = "<!-- memory:begin -->", "<!-- memory:end -->"
BITS = 8
BAR_PERCENT = 5  # above the lower bound
VGG16_PARAMETERS = 138_357_544
WEIGHTS_BYTES = 1 << 30  # that operators make up, so that no file holds them: more than so small a file may ask for


@dataclass(frozen=True)
class Row:
    """What was planned, and in how many seconds (reading the network and inferring its shapes not counted)."""

    name: str
    facts: MemoryFacts
    seconds: float


def vgg16_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes of VGG-16's weights, which `vgg16.build` gives biases."""
    return dict(nets.vgg16_shapes(1.0))


def vgg16_model() -> onnx.ModelProto:
    shapes = vgg16_shapes()
    expect("vgg16", count(shapes) + sum(shape[0] for shape in shapes.values()), VGG16_PARAMETERS)
    return vgg16.build(iter(zeros(shapes).items()), weightless=True)


def alexnet_model() -> onnx.ModelProto:
    expect("alexnet", count(alexnet.shapes()), alexnet.PARAMETERS)
    return alexnet.build(zeros(alexnet.shapes()), weightless=True)


def resnet18_model() -> onnx.ModelProto:
    expect("resnet18", count(resnet18.trained_shapes()), resnet18.PARAMETERS)
    return resnet18.build(zeros(resnet18.shapes()), weightless=True)


def expect(name: str, parameters: int, wanted: int) -> None:
    """Raises SystemExit where a network hasn't the parameters that it is known for."""
    if parameters != wanted:
        raise SystemExit(f"{name}: {parameters:,} parameters, not {wanted:,}")


NETWORKS: dict[str, Callable[[], onnx.ModelProto | Path]] = {
    "lenet_300_100": lambda: nets.FASHION / "lenet_300_100.onnx",
    "lenet5": lambda: nets.FASHION / "lenet5.onnx",
    "vgg_small": lambda: nets.FASHION / "vgg_small.onnx",
    "squeezenet": lambda: ready.path("squeezenet"),
    "efficientnet_lite0": lambda: ready.path("efficientnet_lite0"),
    "resnet18": resnet18_model,
    "vgg16": vgg16_model,
    "alexnet": alexnet_model,
    "random_wiring": random_wiring.build,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=NETWORKS, nargs="+")
    only = parser.parse_args().only
    text = lines([planned(name) for name in only or NETWORKS])
    print(text)
    if only is None:
        rewrite(PAGE, BEGIN, END, text)


def planned(name: str) -> Row:
    """Plan one network."""
    flow = activations(load(NETWORKS[name](), max_memory_bytes=WEIGHTS_BYTES))
    start = time.monotonic()
    program = in_bytes(flow, BITS)
    plan = plan_arena(program)
    return Row(name, facts_of(flow, program, plan, BITS), time.monotonic() - start)


def lines(rows: Sequence[Row]) -> str:
    return table(
        "network|>steps|>arena, bytes|>lower bound|>above it, %||>bound, order of the file|>one buffer|>two layers"
        "|>side by side|>seconds",
        (
            (
                row.name,
                row.facts.steps,
                *(f"{size:,}" for size in (row.facts.arena_bytes, row.facts.lower_bound_bytes)),
                f"{above(row.facts):.2f}",
                at_most(above(row.facts), BAR_PERCENT),
                *(f"{size:,}" for size in others(row.facts)),
                f"{row.seconds:.3f}",
            )
            for row in rows
        ),
    )


def above(facts: MemoryFacts) -> float:
    return 100 * (facts.arena_bytes / facts.lower_bound_bytes - 1)


def others(facts: MemoryFacts) -> tuple[int, ...]:
    return facts.given_order_bytes, facts.shared_buffer_bytes, facts.ping_pong_bytes, facts.unshared_bytes


if __name__ == "__main__":
    main()
