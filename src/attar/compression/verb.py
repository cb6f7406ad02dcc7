"""`compress`: a network and a budget in, the smallest file that keeps it out, measured on the bytes of that file."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from .. import container, graph
from .._version import __version__
from ..errors import BudgetError
from ..evaluate import Metric, metric_of
from ..evaluate.data import check_labels
from ..evaluate.measurement import is_classifier
from ..graph import LeftAlone
from ..numerics.moments import InputStatistics
from ..passes.pipeline import Applied, Steps, apply_plan
from ..runtime import Session
from .budget import Budget, parse_size
from .calibration import input_statistics
from .candidates import LayerChoices
from .effort import effort_for
from .goals import Goal, LeastBytes, LeastDamage
from .job import Job
from .judge import Judge
from .metadata import read_metadata
from .recipe import Plan, Recipe, load_plan, load_recipe
from .result import Result
from .samples import Samples, load_samples
from .search import Found, Progress, Search
from .selection import select
from .summary import summarize
from .verdict import judge, measure

TARGET_ATTEMPTS = 4  # how often a byte target is tightened when the graph of a plan took more than was foreseen
DEFAULT_MAX_DROP = 0.5  # points, where nobody set a budget and the network classifies
DEFAULT_MAX_ERROR = 5.0  # percent, where it does not


def compress(
    model: Any,
    *,
    data: Any = None,
    eval_data: Any = None,
    max_drop: float | None = None,
    target_size: int | str | None = None,
    min_agreement: float | None = None,
    max_error: float | None = None,
    recipe: Any = "default",
    plan: Any = None,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    metric: str | None = None,
    outputs: Sequence[str] = (),
    preprocessing: Mapping[str, Any] | None = None,
    example_inputs: tuple | None = None,
    time_limit: float | None = None,
    threads: int = 0,
    seed: int | None = None,
    progress: Progress = lambda phase, share: None,
) -> Result:
    """Compress a network and measure the file that came out.

    Args:
        model: path, `onnx.ModelProto`, `onnx_ir.Model`, or a torch module together with `example_inputs`.
        data: samples to calibrate and search with; half of them judge the result unless `eval_data` does. A folder,
            .npz, .npy, "module:function", an array, (x, y), or a mapping of arrays.
        max_drop, target_size, min_agreement, max_error: the budget (points, bytes, percent, percent); without any, 0.5
            points for a classifier and 5 % output error otherwise.
        recipe: a name, a file, its JSON object, or a list of configs. plan: a saved plan in its place.
        only, exclude: shell-style patterns of layer names. metric: "top-1", "top-5" or "module:function".
        outputs: inner tensors at which to cut the network. preprocessing: a `preprocessor_config.json` object.
        time_limit: seconds for the search. threads: 0 for all cores. seed: of the split, 0 unless the recipe says.
        progress: called with (phase, share done).

    Raises:
        AttarError: the network, the data, the budget or the recipe is not usable; the text says what and why.
    """
    asked = Budget(max_drop, None if target_size is None else parse_size(target_size), min_agreement, max_error)
    deadline = None if time_limit is None else time.monotonic() + time_limit
    # One BLAS thread: sums in another order would round differently, and the bytes must not depend on the cores.
    with threadpool_limits(1, user_api="blas"):
        job = _settle(
            model,
            asked,
            data=(data, eval_data),
            recipe=load_recipe(recipe),
            plan=None if plan is None else load_plan(plan),
            patterns=(_listed(only), _listed(exclude)),
            metric=metric_of(metric),
            outputs=_listed(outputs),
            preprocessing=preprocessing,
            example_inputs=example_inputs,
            threads=threads,
            seed=seed,
            deadline=deadline,
            progress=progress,
        )
        return _carry_out(job)


def _listed(names: str | Sequence[str]) -> Sequence[str]:
    """A single name is meant as a list of one, not as its letters."""
    return [names] if isinstance(names, str) else names


def _settle(
    source: Any,
    asked: Budget,
    *,
    data: tuple[Any, Any],
    recipe: Recipe,
    plan: Plan | None,
    patterns: tuple[Sequence[str], Sequence[str]],
    metric: Metric,
    outputs: Sequence[str],
    preprocessing: Mapping[str, Any] | None,
    example_inputs: tuple | None,
    threads: int,
    seed: int | None,
    deadline: float | None,
    progress: Progress,
) -> Job:
    """Load and check everything that a run depends on, so that what can fail fails before the work starts."""
    model = graph.load(source, example_inputs=example_inputs)
    if outputs:
        model = graph.cut(model, list(outputs))
    own, class_names = read_metadata(model)
    given_seeds = (seed, plan.seed if plan else None, recipe.seed)
    seed = next((given for given in given_seeds if given is not None), 0)
    if plan is not None and plan.recipe is not None:
        recipe = replace(recipe, name=plan.recipe)
    session = Session(model, threads=threads)
    samples = load_samples(
        *data, session.inputs, preprocessing=preprocessing or own, class_names=class_names, seed=seed
    )
    classifies = _check_samples(session, samples, metric)
    budget, is_default = _settle_budget(asked, recipe, plan, samples, classifies)
    if is_default and outputs and samples.verdict.labels is None:  # an inner tensor has features, not classes
        budget = Budget(max_error=DEFAULT_MAX_ERROR)
    layers, left_alone = select(model, only=patterns[0], exclude=patterns[1])
    return Job(
        source=str(source) if isinstance(source, (str, Path)) else type(source).__name__,
        model=model,
        fingerprint=hashlib.sha256(graph.serialize(model)).hexdigest()[:16],
        recipe=recipe,
        given_plan=None if plan is None else _only(plan, left_alone),
        budget=budget,
        budget_is_default=is_default,
        layers=layers,
        left_alone=left_alone,
        samples=samples,
        metric=metric,
        preprocessing=(samples.calibration.preprocessing if samples else None) or preprocessing or own,
        class_names=class_names or (samples.calibration.class_names if samples else None),
        threads=threads,
        seed=seed,
        deadline=deadline,
        progress=progress,
    )


def _only(plan: Plan, left_alone: Sequence[LeftAlone]) -> dict[str, Steps]:
    """Return the plan without the layers that the user leaves out; a layer that nobody has is found out later."""
    out = {item.name for item in left_alone}
    return {name: steps for name, steps in plan.steps.items() if name not in out}


def _check_samples(session: Session, samples: Samples | None, metric: Metric) -> bool:
    """Run one batch of every part, so that a wrong label is found at once; tell whether the network classifies."""
    if samples is None:
        return False
    classifies = False
    for part in (samples.calibration, samples.search, samples.verdict):
        outputs = next(session.batches(part.inputs))
        classifies = is_classifier(outputs)
        if part.labels is not None and metric.name in ("top-1", "top-5"):
            check_labels(part.labels, outputs[0].shape[1] if classifies else 0, part.source)
    return classifies


def _settle_budget(
    asked: Budget, recipe: Recipe, plan: Any, samples: Samples | None, classifies: bool
) -> tuple[Budget, bool]:
    """Return the budget to keep and whether it is attar's default; nothing asked and nothing to choose is no budget."""
    if asked == Budget() and recipe.budget:
        asked = _recipe_budget(recipe)
    searches = recipe.has_choice and plan is None
    if samples is None and (asked.limits_quality or searches):
        raise BudgetError(
            "without --data nothing can be judged: give samples, or a recipe without choices such as int8"
        )
    parts = (samples.search, samples.verdict) if samples else ()
    if asked.max_drop is not None and not classifies and any(part.labels is None for part in parts):
        raise BudgetError("max-drop needs labels, or a network with one row of class scores a sample; try max-error")
    if asked.min_agreement is not None and not classifies:
        raise BudgetError("min-agreement needs a network with one row of class scores a sample; try max-error")
    if asked != Budget() or not searches:
        return asked, False
    return (Budget(max_drop=DEFAULT_MAX_DROP) if classifies else Budget(max_error=DEFAULT_MAX_ERROR)), True


def _recipe_budget(recipe: Recipe) -> Budget:
    fields = dict(recipe.budget)
    if "target_size" in fields:
        fields["target_size"] = parse_size(fields["target_size"])
    try:
        return Budget(**fields)
    except TypeError as error:
        raise BudgetError(f"recipe {recipe.name}: budget: {error}") from error


def _carry_out(job: Job) -> Result:
    statistics = {}
    if job.samples is not None:
        statistics = input_statistics(job.model, job.layers, job.samples.calibration, threads=job.threads)
    if job.given_plan is not None:
        found, applied, data = None, *_build(job, job.given_plan, statistics)
    elif job.recipe.has_choice:
        found, applied, data = _search(job, statistics)
    else:
        found, applied, data = None, *_build(job, _same_for_all(job), statistics)
    measurement = None
    if job.samples is not None:
        job.progress("running the file", 0.0)
        measurement = measure(job.model, data, job.samples.verdict, metric=job.metric, threads=job.threads)
        job.progress("running the file", 1.0)
    limits = judge(job.budget, measurement, len(data))
    return Result(data, measurement, tuple(limits), summarize(job, data, applied, found, measurement, limits))


def _same_for_all(job: Job) -> dict[str, Steps]:
    return {layer.name: job.recipe.chains[0] for layer in job.layers}


def _build(job: Job, plan: Mapping[str, Steps], statistics: Mapping[str, InputStatistics]) -> tuple[Applied, bytes]:
    """Apply a plan and put the result into a file's bytes."""
    applied = apply_plan(job.model, plan, statistics=statistics)
    provenance = {"attar": __version__, "recipe": job.recipe.name, "seed": job.seed, "source": job.fingerprint}
    data = container.to_bytes(
        applied.model,
        hints=applied.hints,
        preprocessing=dict(job.preprocessing) if job.preprocessing else None,
        class_names=job.class_names,
        provenance=provenance,
    )
    return applied, data


def _search(job: Job, statistics: Mapping[str, InputStatistics]) -> tuple[Found, Applied, bytes]:
    """Search a plan and build it; under a byte target, again with less room while the file is over it."""
    target = None if job.budget.limits_quality else job.budget.target_size
    layers = [LayerChoices(job.model, layer, statistics.get(layer.name)) for layer in job.layers]
    names = tuple(n for layer in job.layers for n in (layer.name, *([layer.offset.name] if layer.offset else [])))
    effort = effort_for(job.model, layers=len(layers), samples=len(job.samples.search))
    sitting = Judge(
        job.model,
        names,
        job.samples.search,
        budget=job.budget,
        metric=job.metric,
        threads=job.threads,
        swaps=effort.swaps,
    )
    search = Search(
        layers, sitting, chains=job.recipe.chains, effort=effort, deadline=job.deadline, progress=job.progress
    )
    room = None if target is None else target - _fixed_bytes(job, layers)
    for _ in range(TARGET_ATTEMPTS):
        goal: Goal = LeastBytes() if room is None else LeastDamage(room)
        found = search.run(goal)
        applied, data = _build(job, found.plan, statistics)
        if room is None or len(data) <= target or found.best.size_bytes > room:
            break
        room -= len(data) - target
    return found, applied, data


def _fixed_bytes(job: Job, layers: Sequence[LayerChoices]) -> int:
    """Return what the file holds besides the streams of the layers: graph, table, biases, header."""
    _, data = _build(job, {}, {})
    return len(data) - sum(lay.candidates[0].size_bytes for lay in layers)
