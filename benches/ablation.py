"""What every part of rate-distortion compression buys: bytes at equal damage with that part switched off.

    python benches/ablation.py                   # all three networks, tables into docs/results.md
    python benches/ablation.py --only lenet5     # one network, printed alone

Damage is the divergence (nats) of the network's answers on test images; each variant goes along the slope, and its
bytes at the same damage are read off between its points. No labels; nothing is chosen by what is measured here.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
from coding.markdown import rewrite
from sizes import FASHION, MEAN, NETWORKS, PAGE, STD, test_images
from threadpoolctl import threadpool_limits

from attar import container
from attar.compression import along_slope, treatment, walk
from attar.compression.budget import Budget
from attar.compression.job import Job
from attar.compression.settle import Request, settle
from attar.compression.treatment import Treatment
from attar.evaluate.fidelity import divergence
from attar.graph import layer_macs
from attar.passes import settling
from attar.passes.weights import Weights
from attar.runtime import Session

BEGIN, END = "<!-- ablation:begin -->", "<!-- ablation:end -->"
DAMAGES = (0.008, 0.016)  # about 0.25 and 0.5 points of drop on these networks
SLOPES = tuple(np.geomspace(0.5, 24, 7))  # times the slope at which a descent starts
IMAGES = 3000

Curve = list[tuple[float, int]]  # (damage, bytes)


@dataclass(frozen=True)
class Variant:
    """One way to go along the slope: what is patched, and whether the layers are gauged again under it."""

    name: str
    patched: Callable[[], AbstractContextManager]
    gauged: bool = False


def unseen(self: walk.Walk, layer) -> Weights:
    """Return the weights as if the inputs' second moments were unknown; their means still correct the biases."""
    weights = SEEN(self, layer)
    flat = np.broadcast_to(np.eye(weights.moments.moment.shape[1]), weights.moments.moment.shape)
    return replace(weights, moments=replace(weights.moments, moment=flat, cross=flat))


SEEN = walk.Walk.weights


def same_share(self: Treatment, layer, weights, slope: float):
    """Treat a layer as if a standard deviation of its outputs were worth the same in all of them."""
    problem = settling.Problem(weights)
    alike = {layer.name: USUAL_POWER / max(problem.power, 1e-30)}
    return TREAT(Treatment(alike, self.row_costs, self.ranks), layer, weights, slope)


TREAT, USUAL_POWER = Treatment._treat, 1.0

VARIANTS = (
    Variant("everything", nullcontext),
    Variant("without second order", lambda: mock.patch.object(walk.Walk, "weights", unseen), gauged=True),
    Variant("without repair of what came before", lambda: mock.patch.object(settling.Problem, "_target", as_they_are)),
    Variant("without slopes: equal relative error", lambda: mock.patch.object(Treatment, "_treat", same_share)),
    Variant("without row costs", lambda: mock.patch.object(along_slope, "affordable", lambda *a, **k: False), True),
    Variant("without bias correction", lambda: mock.patch.object(treatment, "_correction", lambda *a: ())),
    Variant("without low rank", lambda: mock.patch.object(treatment, "SMALLEST", 1 << 62)),
)


def as_they_are(self, layout, weights):
    return layout.rows(weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=NETWORKS)
    only = parser.parse_args().only
    with threadpool_limits(1, user_api="blas"):
        tables = []
        for name in [only] if only else NETWORKS:
            tables.append(table(name))
            print(tables[-1], flush=True)
    if only is None:
        rewrite(PAGE, BEGIN, END, "\n".join(tables))


def table(name: str) -> str:
    """Return the markdown table of one network."""
    job = job_of(name)
    images = test_images()[0][:IMAGES]
    original = answers(job.model, images)
    macs = layer_macs(job.model)
    usual = along_slope._gauge(job, macs)
    lines = [f"### {NETWORKS[name]}", "", "| | " + " | ".join(f"bytes at {d} nats" for d in DAMAGES) + " |"]
    lines.append("|---|" + "--:|" * len(DAMAGES))
    best: Mapping[float, float] = {}
    for variant in VARIANTS:
        with variant.patched():
            gauged = along_slope._gauge(job, macs) if variant.gauged else usual
            found = at_damages(list(curve(job, gauged, images, original)))
        best = best or found
        cells = (cell(size, best[damage]) for damage, size in found.items())
        lines.append(f"| {variant.name} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    return "\n".join([*lines, ""])


def cell(size: float | None, best: float | None) -> str:
    """Return bytes, and how many more than the best has; a curve need not reach every damage."""
    if not size:
        return "-"
    return f"{size:,.0f} ({size / best - 1:+.0%})" if best else f"{size:,.0f}"


def job_of(name: str) -> Job:
    """Return the job of compressing a network with its unlabeled calibration images."""
    images = np.load(FASHION / "calibration.npz")["x"]
    asked = Request(
        model=FASHION / f"{name}.onnx",
        data=((images.astype(np.float32) / 255 - MEAN) / STD),
        eval_data=test_images()[0][:IMAGES],
        budget=Budget(max_drop=0.5),
        recipe="default",
        plan=None,
        only=(),
        exclude=(),
        metric=None,
        outputs=(),
        preprocessing=None,
        example_inputs=None,
        threads=0,
        seed=0,
        deadline=None,
        progress=lambda phase, share: None,
    )
    return along_slope.with_small_norms(settle(asked))


def curve(job: Job, gauged: Treatment, images: np.ndarray, original: np.ndarray) -> Iterator[tuple[float, int]]:
    first = along_slope._first_slope(job)
    for factor in SLOPES:
        treatment_now = Treatment(gauged.sensitivity, gauged.row_costs)
        applied = along_slope._walk(job, treatment_now.at(first * factor), "")
        data = container.to_bytes(applied.model, hints=applied.hints)
        yield divergence(original, answers(container.open(data).model(), images)), len(data)


def answers(model, images: np.ndarray) -> np.ndarray:
    session = Session(model)
    return session.run_all({next(iter(session.inputs)): images})[0]


def at_damages(points: Curve) -> dict[float, float | None]:
    """Return the bytes at every one of DAMAGES, between the points on a doubly logarithmic scale; None beyond them."""
    damages, sizes = np.log(np.array(sorted(points))).T
    return {
        d: float(np.exp(np.interp(np.log(d), damages, sizes))) if damages[0] <= np.log(d) <= damages[-1] else None
        for d in DAMAGES
    }


if __name__ == "__main__":
    main()
