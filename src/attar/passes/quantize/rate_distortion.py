"""Rate-distortion quantization: every layer on a grid as wide as its errors are cheap, each error made up for.

The step follows from what a bit is worth, one slope for the whole network. Weights are settled one after the other:
each goes to the nearest grid value, and its error is carried on to the weights not yet settled, weighted by the second
moment of the layer's inputs; where it was measured what errors of the outputs cost the network, also from output to
output. The targets themselves make up for what earlier layers have changed. A matrix may become two thin ones on the
way, settled in the same manner; what costs least, error and coded bits together, stays. A price for the bits of every
single weight (card RDOQ; CERWU, 2025) was built, measured and taken out: beside feedback it bought nothing.
Sources: OBS (Hassibi and Stork 1993), GPTQ (Frantar et al. 2023), YAQA (Tseng et al. 2025) for both sides; cards OBC,
GE-1. Cost: one step, 2 bytes, for each tensor.
"""

from dataclasses import dataclass, field

import numpy as np

from ... import codec
from ...codec import GridHint
from ..settings import limits
from ..settling import Problem, Rounded
from ..weights import NotApplicable, Weights

SLOPES = (1e-30, 1e30)  # that a plan can name


@dataclass(frozen=True)
class RateDistortion:
    """How much squared error of the layer's output one bit is worth (`slope`), and the rank of two factors, if any."""

    slope: float = field(default=1e-6, metadata=limits(*SLOPES))
    rank: int | None = field(default=None, metadata=limits(1, 65536))


def plan(weights: Weights, config: RateDistortion) -> Rounded:
    """Settle every weight."""
    problem = Problem(weights)
    if config.rank is None:
        return problem.whole(config.slope)
    if not weights.is_matrix:
        raise NotApplicable(f"{weights.op_type}: only the second operand of one Gemm or MatMul can become two layers")
    if weights.as_rows.blocks > 1:
        raise NotApplicable(f"{weights.op_type}: too many inputs to become two layers")
    if config.rank >= min(weights.matrix.shape):
        raise NotApplicable(f"{weights.op_type}: rank {config.rank} is not below {min(weights.matrix.shape)}")
    return problem.factors(config.slope, config.rank)


def apply(weights: Weights, decision: Rounded) -> Weights | tuple[Weights, ...]:
    """Return the layer on its grid, or the two factors, the one next to the input first."""
    if len(decision.parts) == 1:
        return weights.with_values(_values(decision.parts[0]), decision.parts[0])
    return tuple(_factor(weights, part) for part in decision.parts)


def coded_bits(decision: Rounded) -> int:
    """Return the bits that the parts take in a file."""
    return 8 * sum(codec.encoded_size(_values(part), hint=part) for part in decision.parts)


def _values(hint: GridHint) -> np.ndarray:
    return hint.integers.astype(np.float32) * hint.scales[0]


def _factor(weights: Weights, part: GridHint) -> Weights:
    return Weights(_values(part), weights.op_type, weights.channel_axis, hint=part)
