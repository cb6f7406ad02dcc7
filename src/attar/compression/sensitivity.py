"""How much the network's output suffers from each candidate of each layer, the other layers left exact."""

from collections.abc import Iterator, Sequence

import numpy as np

from .candidates import Candidate, LayerChoices
from .judge import Judge


def probe_points(count: int, most: int) -> list[int]:
    """Return at most `most` >= 2 of the candidates 1 .. count - 1, evenly spaced; candidate 0 is the exact layer."""
    lossy = count - 1
    if lossy <= most:
        return list(range(1, count))
    return sorted({1 + round(k * (lossy - 1) / (most - 1)) for k in range(most)})


def probe(lay: LayerChoices, judge: Judge, *, most: int) -> Iterator[tuple[int, float]]:
    """Yield (candidate index, damage to the network's output) for at most `most` candidates of one layer."""
    for index in probe_points(len(lay.candidates), most):
        outputs = judge.outputs(lay.overrides(lay.candidates[index]))
        yield index, judge.damage(outputs)


def interpolate(candidates: Sequence[Candidate], probed: dict[int, float]) -> list[float]:
    """Return every candidate's damage: straight lines of log damage over log layer error between the probed ones."""
    if not probed:
        return [0.0] * len(candidates)
    tiny = 1e-30
    known = sorted(probed)
    error = np.log([max(c.error, tiny) for c in candidates])
    damage = np.log([max(probed[i], tiny) for i in known])
    damages = np.exp(np.interp(error, error[known], damage))
    damages[0] = 0.0
    # The noise of a probe must not make a coarser candidate look better than a finer one.
    return [float(d) for d in np.maximum.accumulate(damages)]
