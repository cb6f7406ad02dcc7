"""Carry out a recipe of stages: a row for the network after each of them, its file, and memory for its activations."""

from collections.abc import Sequence
from dataclasses import replace

from .. import container
from ..codec import BEST, Effort
from ..passes.pipeline import Applied
from ..report.allocation import Allocation
from ..report.layers import float_bytes
from ..report.stages import StageRow
from .activation_widths import allocate
from .along_slope import with_small_norms
from .calibration import input_statistics
from .file_bytes import file_bytes
from .finish import finish
from .in_stages import StageSearch
from .job import Job
from .result import Result

FIXED_WIDTH = Effort(coders=frozenset(), exhaustive=False)  # numbers of as many bits as they need, none coded shorter
ORIGINAL, CODING, OWN_CODING = "original", "coding", "attar's coders instead"


def compress_in_stages(asked: Job) -> Result:
    """Take the network through the stages of a recipe, then code it as the recipe says.

    Raises:
        BudgetError: the budget has no limit on quality.
    """
    job = with_small_norms(asked)
    statistics = input_statistics(job.model, job.layers, job.samples.calibration, threads=job.threads)
    search = StageSearch(job, statistics)
    applied = search.applied()
    rows = [search.row(ORIGINAL, applied, float_bytes(asked.model))]
    for stage in job.recipe.stages:
        search.run(stage)
        applied = search.applied()
        rows.append(search.row(stage.name, applied, len(file_bytes(job, applied, FIXED_WIDTH))))
        if search.stopped:
            break
    if search.put_back():
        applied = search.applied()
        rows[-1] = search.row(rows[-1].name, applied, len(file_bytes(job, applied, FIXED_WIDTH)))
    data = file_bytes(job, applied)
    rows.append(_coded(CODING, len(data), rows))
    if job.recipe.coders:
        rows.append(_coded(OWN_CODING, len(file_bytes(job, applied, BEST)), rows))
    return finish(asked, data, applied.notes, search.ended(rows, _allocated(asked, applied, data)))


def _coded(name: str, size_bytes: int, rows: Sequence[StageRow]) -> StageRow:
    """Return the last row for a file of that size: coding changes no number, so the network need not run again."""
    bits_per_weight = 8 * size_bytes / max(rows[0].held.weights, 1)
    return replace(rows[-1], name=name, size_bytes=size_bytes, bits_per_weight=bits_per_weight)


def _allocated(asked: Job, applied: Applied, data: bytes) -> Allocation | str | None:
    """Return the widths of activations, where the recipe asks for them."""
    if not asked.recipe.memory:
        return None
    asked.progress("allocating memory for activations", 0.0)
    found = allocate(
        asked.model,
        applied,
        asked.samples.search,
        task=asked.task,
        fp32_bytes=float_bytes(asked.model),
        weight_bytes=container.open(data).chunk_sizes["streams"],
        threads=asked.threads,
        deadline=asked.deadline,
    )
    asked.progress("allocating memory for activations", 1.0)
    return found
