"""The judge of a job: the original network and the search's samples, held against the job's budget."""

from ..evaluate import Dataset
from .job import Job
from .judge import Judge, swappable


def judge_of(job: Job, *, swaps: bool, samples: Dataset | None = None) -> Judge:
    """Return a judge that may swap the weights of the job's layers; `samples`: in place of all of the search's."""
    return Judge(
        job.model,
        swappable(job.layers),
        job.samples.search if samples is None else samples,
        budget=job.budget,
        task=job.task,
        metric=job.metric,
        threads=job.threads,
        swaps=swaps,
    )
