"""Low-rank approximation of a fully connected layer: W (m x n) becomes two layers of rank r, m x r and r x n.

Truncated SVD, plain or in the metric of the layer's inputs, which is optimal for the layer's output (Ge et al., ICME
2017, approximation module; card GE-1). Cost: r (m + n) weights and multiplications in place of m n.
"""

from dataclasses import dataclass, field

import numpy as np

from ...numerics.low_rank import break_even_rank
from ..settings import limits
from ..weights import NotApplicable, Weights


@dataclass(frozen=True)
class DataAware:
    """Truncate in the metric of the inputs seen in calibration."""


@dataclass(frozen=True)
class Plain:
    """Truncate in the metric of the weights."""


@dataclass(frozen=True)
class TruncatedSvd:
    """The share of the break-even rank mn/(m+n) to keep, unless `rank` says it outright; `ratio` 1 keeps the matrix."""

    ratio: float = field(default=1.0, metadata=limits(0.0, 1.0))
    rank: int | None = field(default=None, metadata=limits(1, 65536))
    metric: DataAware | Plain = DataAware()


@dataclass(frozen=True)
class Rank:
    """The decision: `rank` columns of the decomposition in `metric`."""

    rank: int
    metric: DataAware | Plain


def plan(weights: Weights, config: TruncatedSvd) -> Rank | None:
    """Settle the rank; None where the matrix is to stay whole."""
    if config.rank is None and config.ratio == 1.0:
        return None
    if not weights.is_matrix:
        raise NotApplicable(f"{weights.op_type}: only the second operand of one Gemm or MatMul can become two layers")
    if isinstance(config.metric, DataAware) and not weights.has_moment:
        raise NotApplicable("its inputs were not measured (no samples, or a layer too wide); metric plain needs none")
    outputs, inputs = weights.matrix.shape
    limit = break_even_rank(outputs, inputs)
    rank = config.rank if config.rank is not None else max(round(config.ratio * limit), 1)
    if rank > limit:
        raise NotApplicable(f"rank {rank} would not be smaller than {outputs} x {inputs}: at most {limit} is")
    return Rank(rank, config.metric)


def apply(weights: Weights, decision: Rank) -> tuple[Weights, Weights]:
    """Return the factor next to the input, then the one next to the output, both laid out as the layer's matrix was."""
    aware = isinstance(decision.metric, DataAware)
    decomposition = weights.aware_decomposition if aware else weights.plain_decomposition
    outer, inner = decomposition.factors(decision.rank)
    return _factor(weights, inner), _factor(weights, outer)


def _factor(weights: Weights, matrix: np.ndarray) -> Weights:
    own_layout = matrix if weights.channel_axis == 0 else matrix.T
    return Weights(np.ascontiguousarray(own_layout, np.float32), weights.op_type, weights.channel_axis)
