"""The bytes of a job's file: the network as it has become, coded as the recipe says, with all that goes along."""

from .. import codec, container
from .._version import __version__
from ..codec import Effort
from ..passes.pipeline import Applied
from .job import Job


def file_bytes(job: Job, applied: Applied, effort: Effort | None = None) -> bytes:
    """Return the file of a rewritten network; `effort`: in place of the recipe's coders."""
    provenance = {"attar": __version__, "recipe": job.recipe.name, "seed": job.seed, "source": job.fingerprint}
    return container.to_bytes(
        applied.model,
        hints=applied.hints,
        preprocessing=dict(job.preprocessing) if job.preprocessing else None,
        class_names=job.class_names,
        provenance=provenance,
        effort=effort or Effort(coders=coders_of(job)),
    )


def coders_of(job: Job) -> frozenset[int]:
    """Return the numbers of the coders that the recipe stores with."""
    wanted = job.recipe.coders or tuple(codec.NAMES.values())
    return frozenset(number for number, name in codec.NAMES.items() if name in wanted)
