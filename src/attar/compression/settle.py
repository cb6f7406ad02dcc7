"""Everything that is asked for, loaded and checked before the work starts: what can fail fails here."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx_ir as ir

from .. import graph
from ..errors import BudgetError
from ..evaluate import metric_of
from ..evaluate.images.options import settled
from ..evaluate.labels import check_labels
from ..evaluate.measurement import Metric, check_classes, is_classifier
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

DEFAULT_MAX_DROP = 0.5  # points, where nobody set a budget and the network classifies
DEFAULT_MAX_ERROR = 5.0  # percent, where it does not


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
    metric: str | None
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
    metric = metric_of(asked.metric)
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
    classifies = _check_samples(session, samples, metric)
    budget, is_default = _settle_budget(asked.budget, recipe, plan, samples, classifies)
    if is_default and outputs and samples.verdict.labels is None:  # an inner tensor has features, not classes
        budget = Budget(max_error=DEFAULT_MAX_ERROR)
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


def _check_samples(session: Session, samples: Samples | None, metric: Metric) -> bool:
    """Run one batch of every part, so that a wrong label is found at once; tell whether the network classifies."""
    if samples is None:
        return False
    classifies = False
    for part in (samples.calibration, samples.search, samples.verdict):
        outputs = next(session.batches(part.inputs))
        classifies = is_classifier(outputs)
        if part.labels is not None and metric.name in ("top-1", "top-5"):
            classes = outputs[0].shape[1] if classifies else 0
            check_classes(part, outputs)
            check_labels(part.labels, classes, part.source)
    return classifies


def _settle_budget(
    asked: Budget, recipe: Recipe, plan: Any, samples: Samples | None, classifies: bool
) -> tuple[Budget, bool]:
    """Return the budget to keep and whether it is attar's default; nothing asked and nothing to choose is no budget."""
    if asked == Budget() and recipe.budget:
        asked = _recipe_budget(recipe)
    searches = (recipe.has_choice or (recipe.follows_slope and samples is not None)) and plan is None
    if samples is None and (asked.limits_quality or searches):
        raise BudgetError(
            "without --data nothing can be judged: give samples, or a target size alone, or a recipe such as int8"
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
