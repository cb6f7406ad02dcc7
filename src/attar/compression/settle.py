"""Everything that is asked for, loaded and checked before the work starts: what can fail fails here."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx_ir as ir

from .. import graph
from ..errors import BudgetError, DataError
from ..evaluate import Metric, Task, default_metric, metric_of, task_of
from ..evaluate.images.options import settled
from ..evaluate.measurement import check_classes
from ..graph import LeftAlone
from ..runtime import Session
from ..runtime.lend import lend
from .budget import Budget, parse_size
from .integers import Integers
from .job import Job
from .metadata import read_metadata
from .recipe import Plan, Recipe, load_plan, load_recipe
from .samples import Samples, load_samples
from .search import Progress
from .selection import select

DEFAULT_MAX_DROP = 0.5  # points, where nobody set a budget: of a classifier, or of any metric that labels measure
DEFAULT_MIN_AGREEMENT = 99.0  # percent of the places of a segmentation without labels
DEFAULT_MAX_ERROR = 5.0  # percent, of everything else
DEFAULT_R2_DROP = 1.0  # points, predicted: 5 % of numbers far from zero may be more than they vary


@dataclass(frozen=True)
class Request:
    """What a caller of `compress` asks for, as given; `deadline` is a `time.monotonic()`."""

    model: Any
    data: Any
    eval_data: Any
    budget: Budget
    recipe: Any
    plan: Any
    only: str | Sequence[str]
    exclude: str | Sequence[str]
    task: str | None
    metric: str | Callable | None
    outputs: str | Sequence[str]
    preprocessing: Mapping[str, Any] | None
    example_inputs: tuple | None
    threads: int
    seed: int | None
    deadline: float | None
    progress: Progress
    integers: Integers | None = None
    take: int | None = None  # of the samples, at most
    verdict_alone: bool = False  # whether eval_data may come without data: nothing is searched


def settle(asked: Request) -> Job:
    """Load and check everything that a run depends on.

    Raises:
        AttarError: the network, the data, the budget or the recipe is not usable; the text says what and why.
    """
    asked_metric = metric_of(asked.metric)
    recipe = load_recipe(asked.recipe)
    plan = None if asked.plan is None else load_plan(asked.plan)
    model = graph.load(asked.model, example_inputs=asked.example_inputs)
    outputs = _listed(asked.outputs)
    if outputs:
        model = graph.cut(model, list(outputs))
    own, class_names = read_metadata(model)
    given_seeds = (asked.seed, plan.seed if plan else None, recipe.seed)
    seed = next((given for given in given_seeds if given is not None), 0)
    if plan is not None:
        recipe = replace(recipe, name=plan.recipe or recipe.name, coders=plan.coders or recipe.coders)
    session = Session(model, threads=asked.threads)
    samples = load_samples(
        asked.data,
        asked.eval_data,
        session.inputs,
        preprocessing=own,
        asked=asked.preprocessing,
        class_names=class_names,
        take=asked.take,
        seed=seed,
        verdict_alone=asked.verdict_alone,
    )
    task = _task(model, session, samples, asked, class_names)
    metric = asked_metric or (default_metric(task) if task else None)
    if samples is not None:
        _check_labels(session, samples, task, metric, asked)
    budget, is_default = _settle_budget(asked.budget, recipe, plan, samples, task, metric)
    layers, left_alone = select(model, only=_listed(asked.only), exclude=_listed(asked.exclude))
    return Job(
        source=str(asked.model) if isinstance(asked.model, (str, Path)) else type(asked.model).__name__,
        model=model,
        fingerprint=_fingerprint(model),
        recipe=recipe,
        given_plan=None if plan is None else _only(plan, left_alone),
        budget=budget,
        budget_is_default=is_default,
        layers=layers,
        left_alone=left_alone,
        samples=samples,
        task=task,
        metric=metric,
        preprocessing=(samples.calibration.preprocessing if samples else None)
        or settled(None, own, asked.preprocessing),
        class_names=class_names or (samples.calibration.class_names if samples else None),
        threads=asked.threads,
        seed=seed,
        deadline=asked.deadline,
        progress=asked.progress,
        integers=asked.integers,
    )


def _fingerprint(model: ir.Model) -> str:
    """Return the digest of the network, its large weights read where they are: a copy may not fit into memory."""
    data, weights = lend(model)
    digest = hashlib.sha256(data)
    for values in weights.values():
        digest.update(memoryview(values).cast("B"))
    return digest.hexdigest()[:16]


def _listed(names: str | Sequence[str]) -> Sequence[str]:
    """A single name is meant as a list of one, not as its letters."""
    return [names] if isinstance(names, str) else names


def _only(plan: Plan, left_alone: Sequence[LeftAlone]) -> Plan:
    """Return the plan without the layers that the user leaves out; a layer that nobody has is found out later."""
    out = {item.name for item in left_alone}
    return replace(plan, steps={name: steps for name, steps in plan.steps.items() if name not in out})


def _task(
    model: ir.Model, session: Session, samples: Samples | None, asked: Request, class_names: Sequence[str] | None
) -> Task | None:
    """Return what the network is taken for, by one batch of it; None where nothing is judged."""
    if samples is None:
        return None
    outputs = next(session.batches(samples.verdict.inputs))
    metric = asked.metric if isinstance(asked.metric, str) else None
    names = None if asked.outputs else class_names  # an inner tensor has features, not the classes
    return task_of(model, outputs, samples.verdict.labels, said=asked.task, metric=metric, class_names=names)


def _check_labels(session: Session, samples: Samples, task: Task, metric: Metric | None, asked: Request) -> None:
    """Score one batch of every part, so that a wrong label or a metric that fails is found at once."""
    if samples.verdict.labels is None and asked.metric not in (None, "top-1"):
        raise DataError(f"{samples.verdict.source}: there are no labels to measure {metric.name} with")
    for part in (samples.calibration, samples.search, samples.verdict) if metric else ():
        if part.labels is not None:
            check_classes(part, task)
            metric.check(task, next(session.batches(part.inputs)), part.labels, source=part.source)


def _settle_budget(
    asked: Budget, recipe: Recipe, plan: Any, samples: Samples | None, task: Task | None, metric: Metric | None
) -> tuple[Budget, bool]:
    """Return the budget to keep and whether it is attar's default; nothing asked and nothing to choose is no budget."""
    is_own = asked != Budget()
    if not is_own and recipe.budget:
        asked = _recipe_budget(recipe)
    searches = (recipe.has_choice or (recipe.follows_slope and samples is not None)) and plan is None
    if samples is None and (asked.limits_quality or searches):
        raise BudgetError(
            "without --data nothing can be judged: give samples, or a target size alone, or a recipe such as int8"
        )
    if samples is None:
        return asked, False
    problem = _misfit(asked, samples, task, metric)
    if problem is not None and is_own:
        raise BudgetError(problem)
    if problem is None and (asked != Budget() or not searches):
        return asked, False
    return _default_budget(samples, task, metric), True


def _misfit(asked: Budget, samples: Samples, task: Task, metric: Metric | None) -> str | None:
    """Return why a budget says nothing of this network, None where it does."""
    if asked.max_drop is not None and not _has_drop(samples, task, metric):
        return (
            f"max-drop is of a metric, and there is none without labels: the network was {task.line}; try max-error, "
            "or give labels"
        )
    if asked.min_agreement is not None and not task.has_classes:
        return f"min-agreement is of classes, and there are none: the network was {task.line}; try max-error"
    return None


def _has_drop(samples: Samples, task: Task, metric: Metric | None) -> bool:
    parts = (samples.search, samples.verdict)
    return task.predicted is not None or (metric is not None and all(part.labels is not None for part in parts))


def _default_budget(samples: Samples, task: Task, metric: Metric | None) -> Budget:
    """Return the budget where nobody set one that fits: of the metric, of the same answers, or of the output error."""
    if task.kind == "regress" and task.predicted and samples.verdict.labels is None:
        return Budget(max_drop=DEFAULT_R2_DROP, max_error=DEFAULT_MAX_ERROR)
    if _has_drop(samples, task, metric):
        return Budget(max_drop=DEFAULT_MAX_DROP)
    return Budget(min_agreement=DEFAULT_MIN_AGREEMENT) if task.has_classes else Budget(max_error=DEFAULT_MAX_ERROR)


def _recipe_budget(recipe: Recipe) -> Budget:
    fields = dict(recipe.budget)
    if "target_size" in fields:
        fields["target_size"] = parse_size(fields["target_size"])
    try:
        return Budget(**fields)
    except TypeError as error:
        raise BudgetError(f"recipe {recipe.name}: budget: {error}") from error
