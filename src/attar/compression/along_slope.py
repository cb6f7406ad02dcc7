"""Rate-distortion compression of a whole network: gauge every layer, then descend along one slope for all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import onnx_ir as ir

from ..codec.threads import spread_over
from ..graph import WeightLayer, layer_macs, simplify_norms
from ..graph.gemms import plain_gemms
from ..numerics.quadratic import Quadratic
from ..passes.pipeline import Applied, Chained, Declined, Steps, chain, check_names
from ..passes.quantize.rate_distortion import RateDistortion
from ..passes.weights import Weights
from ..runtime.layer_inputs import run_up_to
from ..runtime.stages import Stages
from .descent import Descent, Point
from .effort import Macs, gauge_samples, passes_for
from .gauge import damage_per_error
from .job import Job
from .judge import Judge
from .kept import Kept
from .row_costs import affordable, row_cost, row_form
from .selection import select_again
from .sitting import judge_of
from .treatment import Treatment, data_free, ranks_of
from .walk import Finished, Treat, Walk, in_order, walk

DAMAGE_OF_A_POINT = 0.04  # nats of divergence that go with a point of drop: four networks, within a factor of two
DAMAGE_OF_A_PERCENT = 0.002  # the same for a percent of other answers
USUAL_DAMAGE = 0.02
PER_WEIGHT = 0.1  # the slope that ends at a damage d is about this times d / weights
FOLLOWED = 0.5  # of the passes of a descent: on either side of a jump
GAUGE_KEPT_BYTES = 1 << 28  # of the inner values that its runs start from
FREE_SHARE = 0.2  # of the standard deviation: the step where there are no samples
FREE_SLOPE = 1.0

ToBytes = Callable[[Applied], bytes]


@dataclass(frozen=True)
class Descended:
    """How a descent ended: the points tried, the best of them, runs of the network, why it stopped early if it did.

    Attributes:
        kept: what the report says of the work folder. seen: how many samples calibrated and searched, where that was
            in an earlier run.
    """

    best: Point
    points: tuple[Point, ...]
    evaluations: int
    stopped: str | None
    kept: Mapping[str, Any] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)

    @property
    def curve(self) -> list[tuple[int, float]]:
        """(file bytes, damage) of every point."""
        return sorted((point.size_bytes, point.damage) for point in self.points)

    @property
    def declined(self) -> tuple[Declined, ...]:
        """What layers could not take."""
        return self.best.notes.declined


def follows_slope(job: Job) -> bool:
    """Whether the recipe asks for rate-distortion quantization, its slope to be found."""
    return job.given_plan is None and job.recipe.follows_slope


def needs_walk(plan: Mapping[str, Steps]) -> bool:
    """Whether a plan has steps that look at what the layers in front have become."""
    return any(_walks(steps) for steps in plan.values())


def with_small_norms(job: Job) -> Job:
    """Return the job with batch normalizations and factors of Gemms folded into those of its layers that have them."""
    names = {layer.name for layer in job.layers}
    model = simplify_norms(plain_gemms(job.model, into=names), into=names).model
    return replace(job, model=model, layers=select_again(model, job.layers))


def carry_out_plan(job: Job, plan: Mapping[str, Steps]) -> Applied:
    """Do again what a plan says, on the calibration samples of this job."""
    check_names(plan, [layer.name for layer in job.layers])
    macs = layer_macs(job.model)

    def treat(layer: WeightLayer, weights: Weights) -> Chained:
        steps = plan.get(layer.name, ())
        if job.samples is not None and _walks(steps):
            weights = replace(weights, row_cost=_row_cost(job, layer, macs))
        return chain(weights, steps)

    return _walk(job, treat, "carrying out the plan")


def without_data(job: Job, original: ir.Model, to_bytes: ToBytes, kept: Kept) -> Descended:
    """Compress without having seen a sample: every layer's step is the same share of its weights' deviation."""

    def made(slope: float) -> Point:
        share = FREE_SHARE * slope
        applied = _walk(job, lambda layer, weights: data_free(layer, weights, share), "rounding every layer")
        return Point(slope, to_bytes(applied), applied.notes, damage=slope, load=1.0)

    make = _unless_kept(made, kept)
    descent = Descent(make, target_bytes=job.budget.target_size, deadline=job.deadline)
    descent.run(FREE_SLOPE, passes=1 if job.budget.target_size is None else 12)
    return _ended(descent, job, original, to_bytes, 0, kept)


def descend(job: Job, original: ir.Model, to_bytes: ToBytes, kept: Kept) -> Descended:
    """Find the slope that uses up the budget, and make the network at it; `original` stays where no grid will do."""
    macs = layer_macs(job.model)
    judge = _judge(job, len(job.samples.search))
    treatment: list[Treatment] = []

    def made(slope: float, ranks: Mapping[str, int] | None = None) -> Point:
        if not treatment:
            treatment.append(_gauged(job, macs, kept))
        treatment[0].fixed = ranks
        if descent.points:  # the last one may have been kept by another run: what it found is in its steps alone
            treatment[0].go_on_from(descent.points[-1].notes.changed)
        phase, finished = f"compressing, pass {len(descent.points) + 1}", kept.layers(job.model, job.layers, slope)
        applied = _walk(job, treatment[0].at(slope), phase, finished)
        outputs = judge.outputs_of(applied.model)
        damage, load, figures = judge.damage(outputs), judge.load(outputs), judge.figures(outputs)
        return Point(slope, to_bytes(applied), applied.notes, damage, load, figures)

    target = None if job.budget.limits_quality else job.budget.target_size
    descent = Descent(_unless_kept(made, kept), target_bytes=target, deadline=job.deadline)
    passes = passes_for(macs, job.layers, samples=len(job.samples.calibration))
    descent.run(_first_slope(job), passes=passes)
    for point in descent.jump:  # layers became two there, or one again: go on along either side of it
        if descent.stopped is None:
            again = partial(made, ranks=ranks_of(point.notes.changed))
            descent.follow(point, _unless_kept(again, kept), passes=int(passes * FOLLOWED))
    return _ended(descent, job, original, to_bytes, judge.evaluations, kept)


def _unless_kept(made: Callable[[float], Point], kept: Kept) -> Callable[[float], Point]:
    """Return what makes a point, or takes it as an earlier run left it."""

    def make(slope: float) -> Point:
        point = kept.point(slope)
        if point is None:
            point = made(slope)
            kept.keep_point(point)
        return point

    return make


def _gauged(job: Job, macs: Macs, kept: Kept) -> Treatment:
    treatment = kept.gauge(job.layers)
    if treatment is None:
        treatment = _gauge(job, macs)
        kept.keep_gauge(treatment)
    treatment.spread = spread_over(job.threads)
    return treatment


def _walks(steps: Steps) -> bool:
    return any(isinstance(config, RateDistortion) for config in steps)


def _walk(job: Job, treat: Treat, phase: str, finished: Finished | None = None) -> Applied:
    job.progress(phase, 0.0)
    inputs = job.samples.calibration.inputs if job.samples else None
    return walk(
        job.model,
        job.layers,
        inputs,
        treat,
        threads=job.threads,
        seed=job.seed,
        progress=lambda share: job.progress(phase, share),
        finished=finished,
    )


def _judge(job: Job, samples: int) -> Judge:
    """Return a judge of networks that are made, and of runs of `Stages`: it swaps nothing itself."""
    return judge_of(job, swaps=False, samples=job.samples.search.take(np.arange(samples)))


def _gauge(job: Job, macs: Macs) -> Treatment:
    """Measure the sensitivity of every layer, and of its outputs beside each other, in the original network."""
    phase, treatment, spread = "measuring every layer's sensitivity", Treatment({}), spread_over(job.threads)
    job.progress(phase, 0.0)
    count = gauge_samples(macs, layers=len(job.layers), samples=len(job.samples.search))
    judge = _judge(job, count)
    samples = job.samples.search.take(np.arange(count)).inputs
    network = Stages(job.model, samples, threads=job.threads, memory_bytes=GAUGE_KEPT_BYTES)
    seen = Walk(job.model, job.samples.calibration.inputs, threads=job.threads, seed=job.seed)
    for number, layer in enumerate(in_order(job.model, job.layers)):
        weights = seen.weights(layer)
        cost = _row_cost(job, layer, macs)
        if cost is not None:
            treatment.row_costs[layer.name] = cost
        weights = replace(weights, row_cost=cost)
        run_up_to(network, layer)
        treatment.sensitivity[layer.name] = damage_per_error(layer, weights, judge, network.outputs_with, spread)
        job.progress(phase, (number + 1) / len(job.layers))
    return treatment


def _row_cost(job: Job, layer: WeightLayer, macs: Macs) -> Quadratic | None:
    """Probe what errors of the layer's outputs cost, where that is cheap; of mean 1."""
    inputs = job.samples.calibration.inputs
    if not affordable(job.model, layer, len(job.samples.calibration), macs=macs):
        return None
    classifies = job.task.has_plain_scores
    form = row_form(job.model, layer, inputs, classifies=classifies, threads=job.threads, seed=job.seed)
    return None if form is None else row_cost(form)


def _first_slope(job: Job) -> float:
    budget, damages = job.budget, [USUAL_DAMAGE]
    if budget.limits_quality:
        damages = []
    if budget.max_drop is not None:
        damages.append(DAMAGE_OF_A_POINT * budget.max_drop)
    if budget.min_agreement is not None:
        damages.append(DAMAGE_OF_A_PERCENT * (100 - budget.min_agreement))
    if budget.max_error is not None:
        damages.append((budget.max_error / 100) ** 2)
    weights = max(sum(layer.size for layer in job.layers), 1)
    return max(PER_WEIGHT * min(damages) / weights, 1e-20)


def _ended(
    descent: Descent, job: Job, original: ir.Model, to_bytes: ToBytes, evaluations: int, kept: Kept
) -> Descended:
    """Return how it ended; without a point, or one within the limits on quality, with the network as it is."""

    def exact(slope: float) -> Point:
        layers = select_again(original, job.layers)
        applied = walk(original, layers, None, lambda layer, weights: Chained((weights,), (), ()))
        return Point(slope, to_bytes(applied), applied.notes, 0.0, 0.0)

    if descent.best is None or (job.budget.limits_quality and descent.best.load > 1):
        descent.points.append(_unless_kept(exact, kept)(0.0))
    kept.end(descent.points)
    return Descended(descent.best, tuple(descent.points), evaluations, descent.stopped, kept.report())
