"""Gather everything that a run did into one report, reading the layers back from the file itself."""

import dataclasses
import time
from typing import Any

from .. import container
from .._version import __version__
from ..container import AttarFile
from ..evaluate import Measurement
from ..graph.rewrite import factors_of
from ..numerics.arithmetic import arithmetic
from ..passes.catalog import config_to_json
from ..passes.pipeline import Notes
from ..report.document import LayerChange, Report
from ..report.layers import LayerRow, float_bytes, rows_of_file
from .along_slope import Descended, needs_walk
from .in_stages import Staged
from .job import Job
from .points import curve
from .recipe import plan_to_json
from .search import Found
from .verdict import Limit


def summarize(
    job: Job,
    data: bytes,
    notes: Notes,
    found: Found | Descended | Staged | None,
    measurement: Measurement | None,
    limits: list[Limit],
) -> Report:
    """Return the report of a finished run."""
    file = container.open(data)
    rows = {row.name: row for row in rows_of_file(file)}
    return Report(
        task=job.task,
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
        changes=tuple(_change(job, name, notes, rows) for name in notes.changed),
        left_alone=_left_alone(job, notes, file),
        declined=_declined(notes, found),
        plan=plan_to_json(notes.changed),
        search=_search_facts(job, found),
        samples=_sample_counts(job, found),
        stages=found.rows if isinstance(found, Staged) else (),
        allocation=found.allocation if isinstance(found, Staged) else None,
        points=curve(found.points, found.best, job.budget) if isinstance(found, Descended) else (),
        coders=job.recipe.coders,
        norms_folded=_norms_folded(job, notes, found),
        notes=_data_notes(job),
        arithmetic=arithmetic(),
    )


def _data_notes(job: Job) -> tuple[str, ...]:
    """What was left out or guessed when the samples were read, each once."""
    parts = (job.samples.calibration, job.samples.verdict) if job.samples else ()
    return tuple(dict.fromkeys(note for part in parts for note in part.notes))


def _norms_folded(job: Job, notes: Notes, found: Found | Descended | Staged | None) -> bool:
    """Whether the steps of this run began with batch normalizations folded into their layers."""
    if found is None and job.given_plan is not None and job.given_plan.norms_folded:
        return True
    return isinstance(found, Staged) or (not isinstance(found, Found) and needs_walk(notes.changed))


def _change(job: Job, name: str, notes: Notes, rows: dict[str, LayerRow]) -> LayerChange:
    before = job.model.graph.initializers
    now = (rows[name],) if name in rows else tuple(rows[factor] for factor in factors_of(name, rows, before))
    tensor = before[name].const_value
    steps = tuple(config_to_json(config) for config in notes.changed[name])
    return LayerChange(name, now[0].op_type, tuple(tensor.shape), tensor.nbytes, steps, now)


def _left_alone(job: Job, notes: Notes, file: AttarFile) -> tuple[tuple[str, tuple[int, ...], str], ...]:
    """Every initializer that stayed, the user's own exclusions with the user's reason."""
    reasons = {
        item.name: (item.name, tuple(item.shape), item.reason)
        for item in notes.left_alone
        if not _moved(job, file, item.name)
    }
    reasons |= {item.name: (item.name, item.shape, item.reason) for item in job.left_alone}
    return tuple(reasons.values())


def _moved(job: Job, file: AttarFile, name: str) -> bool:
    """Whether this initializer is a bias or mean that the correction of its layer changed."""
    before = job.model.graph.initializers.get(name)
    if before is None or all(entry.name != name for entry in file.entries):  # inside a subgraph, or no numbers
        return False
    return before.const_value.tobytes() != file.tensor(name).tobytes()


def _declined(notes: Notes, found: Found | Descended | Staged | None) -> tuple[tuple[str, str, str], ...]:
    """What layers could not take, of the plan or, where it was searched, of all that was tried."""
    declined = notes.declined if found is None else found.declined
    return tuple((note.layer, note.technique, note.reason) for note in declined)


def _search_facts(job: Job, found: Found | Descended | Staged | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"seconds": round(time.monotonic() - job.started, 2)}
    if found is not None:
        facts |= {"evaluations": found.evaluations, "stopped": found.stopped, "curve": found.curve}
    if isinstance(found, Descended):
        facts |= found.kept
    if isinstance(found, Staged):
        facts["error_rank_correlation"] = found.correlation
    return facts


def _sample_counts(job: Job, found: Found | Descended | Staged | None) -> dict[str, int]:
    earlier = dict(found.seen) if isinstance(found, Descended) else {}
    if job.samples is None:
        return earlier
    parts = job.samples
    return {"calibration": len(parts.calibration), "search": len(parts.search), "verdict": len(parts.verdict)} | earlier
