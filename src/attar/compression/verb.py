"""`compress`: a network and a budget in, the smallest file that keeps it out, measured on the bytes of that file."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from threadpoolctl import threadpool_limits

from ..files.limits import memory_limit
from ..numerics.moments import InputStatistics
from ..passes.pipeline import Applied, Steps, apply_plan
from .along_slope import carry_out_plan, descend, follows_slope, needs_walk, with_small_norms, without_data
from .budget import Budget, parse_size
from .calibration import input_statistics
from .candidates import LayerChoices
from .effort import effort_for
from .file_bytes import file_bytes
from .finish import finish, finish_descent
from .goals import Goal, LeastBytes, LeastDamage
from .integers import Integers
from .job import Job
from .kept import keep
from .outputs import inputs_of
from .pick_again import pick_again
from .recipe import Plan
from .result import Result
from .search import Found, Progress, Search
from .settle import Request, settle
from .sitting import judge_of
from .stage_by_stage import compress_in_stages
from .work import check_place

TARGET_ATTEMPTS = 4  # how often a byte target is tightened when the graph of a plan took more than was foreseen


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
    task: str | None = None,
    metric: str | Callable | None = None,
    outputs: Sequence[str] = (),
    preprocessing: Mapping[str, Any] | None = None,
    example_inputs: tuple | None = None,
    samples: int | None = None,
    time_limit: float | None = None,
    threads: int = 0,
    seed: int | None = None,
    integer: bool | str = False,
    work: str | os.PathLike[str] | None = None,
    pick: int | str | None = None,
    max_memory_bytes: int | None = None,
    progress: Progress = lambda phase, share: None,
) -> Result:
    """Compress a network and measure the file that came out.

    Args:
        model: path, `onnx.ModelProto`, `onnx_ir.Model`, or a torch module together with `example_inputs`.
        data: samples to calibrate and search with; half of them judge the result unless `eval_data` does. A folder,
            .npz, .npy, "module:function", an array, (x, y), ((a, b), y), a mapping of arrays, or anything that hands
            out samples or batches of them, such as a torch DataLoader.
        max_drop, target_size, min_agreement, max_error: the budget (points, bytes, percent, percent). Without any, 0.5
            points of a classifier's top-1 or of the metric that labels measure, 99 % of the places of a segmentation
            without labels, and else 5 % output error, of rows of numbers also 1 point of R2 against the original.
        recipe: a name, a file, its JSON object, or a list of configs. plan: a saved plan in its place.
        only, exclude: names of layers, or shell-style patterns of them.
        task: "classify", "regress", "detect" or "segment"; without it a network is a classifier if it ends in Softmax
            or Sigmoid, has class names, or its labels are class numbers. `result.task` says what it was taken for.
        metric: of the labels: "top-1" (default of a classifier), "top-5", "r2" (default of measured values),
            "pixel-accuracy" (of a segmentation), "module:function", or a function of (first output, labels) that
            returns points per sample, higher is better.
        outputs: inner tensors at which to cut the network. preprocessing: a `preprocessor_config.json` object, which
            counts before the one beside the data. samples: how many to take of data, and of eval_data; all by default.
        time_limit: seconds for the search. threads: 0 for all cores. seed: of the split, 0 unless the recipe says.
        integer: whether the file gets a program that the engine runs in integers, which is then what is measured;
            "affine" (the same as True) or "fixed-point".
        work: a folder for what is finished on the way; a run that finds its own there goes on from it.
        pick: instead of a run, another point of the finished one in `work`: its number, or a size ("48kB") for the
            largest within it. Given data, its file is judged on the verdict's samples.
        max_memory_bytes: refuse networks whose tensors take more; None weighs them against the file (docs/format.md).
        progress: called with (phase, share done).

    Raises:
        AttarError: the network, the data, the budget or the recipe is not usable; the text says what and why.
    """
    request = Request(
        model=model,
        data=data,
        eval_data=eval_data,
        budget=Budget(max_drop, None if target_size is None else parse_size(target_size), min_agreement, max_error),
        recipe=recipe,
        plan=plan,
        only=only,
        exclude=exclude,
        task=task,
        metric=metric,
        outputs=outputs,
        preprocessing=preprocessing,
        example_inputs=example_inputs,
        take=samples,
        threads=threads,
        seed=seed,
        deadline=None if time_limit is None else time.monotonic() + time_limit,
        progress=progress,
        integers=Integers("affine" if integer is True else integer) if integer else None,
    )
    # One BLAS thread: sums in another order would round differently, and the bytes must not depend on the cores.
    with threadpool_limits(1, user_api="blas"), memory_limit(max_memory_bytes):
        result = _result(request, work, pick)
    return replace(result, inputs=inputs_of(model, data, eval_data, recipe, plan, work))


def _result(request: Request, work: str | os.PathLike[str] | None, pick: int | str | None) -> Result:
    if pick is not None:
        return pick_again(request, work, pick)
    if work is not None:
        check_place(work)
    return _carry_out(settle(request), work)


def _carry_out(asked: Job, work: str | os.PathLike[str] | None) -> Result:
    if follows_slope(asked):
        job = with_small_norms(asked)
        kept = keep(asked, work)
        found = (descend if job.samples else without_data)(
            job, asked.model, lambda applied: file_bytes(job, applied), kept
        )
        return finish_descent(asked, found)
    if asked.given_plan is not None:
        return _as_planned(asked, asked.given_plan)
    if asked.recipe.stages:
        return compress_in_stages(asked)
    if asked.recipe.has_choice:
        found, applied, data = _search(asked, _statistics(asked))
        return finish(asked, data, applied.notes, found)
    return _as_planned(asked, Plan({layer.name: asked.recipe.chains[0] for layer in asked.layers}))


def _as_planned(asked: Job, plan: Plan) -> Result:
    """Carry out a plan on the network as it was made for it: batch normalizations folded or not."""
    walks = needs_walk(plan.steps)
    job = with_small_norms(asked) if walks or plan.norms_folded or asked.integers else asked
    if walks:
        applied = carry_out_plan(job, plan.steps)
    else:
        applied = apply_plan(job.model, plan.steps, statistics=_statistics(job))
    return finish(asked, file_bytes(job, applied), applied.notes, None)


def _statistics(job: Job) -> dict[str, InputStatistics]:
    if job.samples is None:
        return {}
    return input_statistics(job.model, job.layers, job.samples.calibration, threads=job.threads)


def _build(job: Job, plan: Mapping[str, Steps], statistics: Mapping[str, InputStatistics]) -> tuple[Applied, bytes]:
    """Apply a plan and put the result into a file's bytes."""
    applied = apply_plan(job.model, plan, statistics=statistics)
    return applied, file_bytes(job, applied)


def _search(job: Job, statistics: Mapping[str, InputStatistics]) -> tuple[Found, Applied, bytes]:
    """Search a plan and build it; under a byte target, again with less room while the file is over it."""
    target = None if job.budget.limits_quality else job.budget.target_size
    layers = [LayerChoices(job.model, layer, statistics.get(layer.name)) for layer in job.layers]
    effort = effort_for(job.model, layers=len(layers), samples=len(job.samples.search))
    sitting = judge_of(job, swaps=effort.swaps)
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
