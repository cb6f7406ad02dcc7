"""The end of a run: measure the file of one of its networks and report on it; another one can be picked later."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..evaluate import Measurement
from ..passes.pipeline import Notes
from .along_slope import Descended
from .in_stages import Staged
from .integers import in_integers
from .job import Job
from .points import by_size, pick
from .result import Result
from .search import Found
from .summary import summarize
from .verdict import judge, measure


@dataclass(frozen=True)
class Picker:
    """Makes a result of another point of a finished run."""

    job: Job
    found: Descended

    def __call__(self, wanted: int | str) -> Result:
        point = pick(self.found.points, wanted)
        kept = {**self.found.kept, "picked": by_size(self.found.points).index(point) + 1}
        return finish_descent(self.job, replace(self.found, best=point, kept=kept))


def finish_descent(job: Job, found: Descended) -> Result:
    """Return the result of a run along the slope: its best point's file, measured, with all points in the report."""
    return finish(job, found.best.data, found.best.notes, found, picker=Picker(job, found))


def finish(
    job: Job,
    data: bytes,
    notes: Notes,
    found: Found | Descended | Staged | None,
    *,
    picker: Callable[[int | str], Result] | None = None,
) -> Result:
    """Measure a file on the verdict's samples, hold it against the budget, and report."""
    integers = None
    if job.integers is not None:
        data, integers = in_integers(job, data)
    measurement, in_floats = _measured(job, data)
    limits = judge(job.budget, measurement, len(data))
    report = replace(summarize(job, data, notes, found, measurement, limits), integers=integers, in_floats=in_floats)
    return Result(data, measurement, tuple(limits), report, picker)


def _measured(job: Job, data: bytes) -> tuple[Measurement | None, Measurement | None]:
    if job.samples is None:
        return None, None
    job.progress("running the file", 0.0)
    found = measure(job.model, data, job.samples.verdict, task=job.task, metric=job.metric, threads=job.threads)
    job.progress("running the file", 1.0)
    return found
