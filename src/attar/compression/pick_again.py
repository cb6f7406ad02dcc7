"""Pick another point of a finished run from its work folder: nothing is compressed again."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import BudgetError, DataError, FormatError, ModelError, OutputError, RecipeError
from ..evaluate import Task
from ..evaluate.task import KINDS
from ..graph import LeftAlone
from .along_slope import Descended
from .budget import Budget
from .descent import Point
from .fingerprint import key_of_points, parts_of
from .finish import Picker
from .job import Job
from .kept import points_in, read_left_alone, room_for
from .points import is_number
from .result import Result
from .settle import Request, settle
from .work import REFUSED, Record, WorkFolder, text_of


@dataclass(frozen=True)
class EarlierRun:
    """What a folder says of the run that filled it; `parts` as in `fingerprint`.

    Attributes:
        slopes: of the points that the run ended with; None where it was killed: all that it finished.
        samples: how many calibrated and searched. left_alone: what its user left out. task: what its network was taken
            for, without classes.
    """

    parts: Mapping[str, Any]
    budget: Budget
    budget_is_default: bool
    seed: int
    recipe: str
    layers: tuple[str, ...]
    slopes: tuple[float, ...] | None
    samples: dict[str, int]
    left_alone: tuple[LeftAlone, ...]
    task: Task | None


def pick_again(asked: Request, work: str | os.PathLike[str] | None, wanted: int | str) -> Result:
    """Return the result of the point `wanted` of the run in the folder `work`.

    Raises:
        BudgetError: there is no such point, or a budget is asked for at the same time.
        OutputError: there is no work folder. FormatError: it holds nothing that can be used.
        ModelError, DataError, RecipeError: the run was of another network, other samples, or another recipe.
    """
    is_number(wanted)
    _check_request(asked)
    if work is None:
        raise OutputError("pick needs the work folder of a finished run")
    run = _read_run(work)
    job = settle(replace(asked, seed=run.seed if asked.seed is None else asked.seed, verdict_alone=True))
    _check_same(asked, job, run)
    folder = WorkFolder(work, max_bytes=room_for(job))
    points = _points(job, run, folder)
    kept = {"work": folder.report()}
    return Picker(_as_it_was(job, run), Descended(points[0], points, 0, None, kept=kept, seen=run.samples))(wanted)


def _check_request(asked: Request) -> None:
    if asked.budget != Budget():
        raise BudgetError("pick takes a point of a finished run as it is: leave the budget out")
    if asked.plan is not None:
        raise RecipeError("pick takes a point of a finished run as it is: leave the plan out")


def _read_run(work: str | os.PathLike[str]) -> EarlierRun:
    folder = WorkFolder(work, max_bytes=0)
    if not folder.path.is_dir():
        raise OutputError(f"{work}: there is no work folder to pick from: compress without pick first, and keep it")
    record = folder.read("run", None)
    try:
        return _run_of(record)
    except REFUSED as error:
        raise FormatError(f"{work}: no finished run is in this folder, or it is damaged") from error


def _run_of(record: Record | None) -> EarlierRun:
    if record is None:
        raise ValueError("no record")
    facts, parts = record.facts, record.facts["parts"]
    seed, recipe = parts["seed"], parts["recipe"]["name"]
    counts = {name: int(facts["samples"][name]) for name in ("calibration", "search") if facts["samples"]}
    slopes = facts.get("slopes")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0 or not isinstance(recipe, str):
        raise ValueError("a seed or a recipe's name of another type")
    return EarlierRun(
        parts,
        Budget(**parts["budget"]),
        facts["budget_is_default"] is True,
        seed,
        recipe,
        tuple(str(name) for name in parts["layers"]),
        None if slopes is None else tuple(float(slope) for slope in slopes),
        counts,
        read_left_alone(facts["left_alone"]),
        None if parts["task"] is None else _task(*parts["task"]),
    )


def _task(kind: str, reason: str) -> Task:
    if kind not in KINDS:
        raise ValueError("a task of another kind")
    return Task(kind, text_of(reason))


def _check_same(asked: Request, job: Job, run: EarlierRun) -> None:
    """Refuse what contradicts the earlier run; what is not given again is as it was."""
    ours, theirs = parts_of(job), run.parts
    if ours["model"] != theirs.get("model"):
        raise ModelError("pick: the work folder is of another network (or cut at other outputs)")
    if ours["seed"] != run.seed:
        raise RecipeError(f"pick: the run had seed {run.seed}, not {ours['seed']}")
    if asked.data is not None and ours["samples"] != theirs.get("samples"):
        raise DataError("pick: the run had other samples, or they were split otherwise (with or without eval-data)")
    if asked.recipe != "default" and ours["recipe"] != theirs.get("recipe"):
        raise RecipeError(f"pick: the run had another recipe, {run.recipe}")
    if (asked.only or asked.exclude) and tuple(ours["layers"]) != run.layers:
        raise RecipeError("pick: the run treated other layers: leave only and exclude out")


def _points(job: Job, run: EarlierRun, folder: WorkFolder) -> tuple[Point, ...]:
    found = points_in(job, folder, key_of_points(run.parts))
    points = tuple(point for point in found if run.slopes is None or point.slope in run.slopes)
    if not points:
        raise FormatError(f"{folder.path}: no finished point is in this folder, or all are damaged")
    return points


def _as_it_was(job: Job, run: EarlierRun) -> Job:
    """Return the job under the earlier run's budget, with its words for the report."""
    return replace(
        job,
        budget=run.budget,
        budget_is_default=run.budget_is_default,
        recipe=replace(job.recipe, name=run.recipe),
        left_alone=list(run.left_alone),
        task=job.task or run.task,
    )
