"""Gather everything that a run did into one report, reading the layers back from the file itself."""

import dataclasses
import time
from typing import Any

from .. import container
from .._version import __version__
from ..evaluate import Measurement
from ..graph.rewrite import factor_names
from ..passes.catalog import config_to_json
from ..passes.pipeline import Applied
from ..report.document import LayerChange, Report
from ..report.layers import LayerRow, float_bytes, rows_of_file
from .job import Job
from .recipe import plan_to_json
from .search import Found
from .verdict import Limit


def summarize(
    job: Job, data: bytes, applied: Applied, found: Found | None, measurement: Measurement | None, limits: list[Limit]
) -> Report:
    """Return the report of a finished run."""
    file = container.open(data)
    rows = {row.name: row for row in rows_of_file(file)}
    return Report(
        attar=__version__,
        source=job.source,
        recipe=job.recipe.name,
        seed=job.seed,
        budget={name: value for name, value in dataclasses.asdict(job.budget).items() if value is not None},
        budget_is_default=job.budget_is_default,
        size_bytes=len(data),
        fp32_bytes=float_bytes(job.model),
        chunk_sizes=dict(file.chunk_sizes),
        measurement=measurement,
        limits=tuple(limits),
        changes=tuple(_change(job, name, applied, rows) for name in applied.changed),
        left_alone=_left_alone(job, applied),
        declined=_declined(applied, found),
        plan=plan_to_json(applied.changed),
        search=_search_facts(job, found),
        samples=_sample_counts(job),
    )


def _change(job: Job, name: str, applied: Applied, rows: dict[str, LayerRow]) -> LayerChange:
    now = (rows[name],) if name in rows else tuple(rows[factor] for factor in factor_names(name))
    tensor = job.model.graph.initializers[name].const_value
    steps = tuple(config_to_json(config) for config in applied.changed[name])
    return LayerChange(name, now[0].op_type, tuple(tensor.shape), tensor.nbytes, steps, now)


def _left_alone(job: Job, applied: Applied) -> tuple[tuple[str, tuple[int, ...], str], ...]:
    """Every initializer that stayed, the user's own exclusions with the user's reason."""
    reasons = {
        item.name: (item.name, tuple(item.shape), item.reason)
        for item in applied.left_alone
        if not _moved(job, applied, item.name)
    }
    reasons |= {item.name: (item.name, item.shape, item.reason) for item in job.left_alone}
    return tuple(reasons.values())


def _moved(job: Job, applied: Applied, name: str) -> bool:
    """Whether this initializer is a bias or mean that the correction of its layer changed."""
    before, after = (model.graph.initializers.get(name) for model in (job.model, applied.model))
    if before is None or after is None:  # inside a subgraph
        return False
    return before.const_value is not after.const_value and before.const_value.tobytes() != after.const_value.tobytes()


def _declined(applied: Applied, found: Found | None) -> tuple[tuple[str, str, str], ...]:
    """What layers could not take, of the plan or, where it was searched, of all that was tried."""
    notes = applied.declined if found is None else found.declined
    return tuple((note.layer, note.technique, note.reason) for note in notes)


def _search_facts(job: Job, found: Found | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"seconds": round(time.monotonic() - job.started, 2)}
    if found is not None:
        facts |= {"evaluations": found.evaluations, "stopped": found.stopped, "curve": found.curve}
    return facts


def _sample_counts(job: Job) -> dict[str, int]:
    if job.samples is None:
        return {}
    parts = job.samples
    return {"calibration": len(parts.calibration), "search": len(parts.search), "verdict": len(parts.verdict)}
