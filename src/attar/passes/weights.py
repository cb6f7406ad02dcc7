"""What a technique sees of a layer: an array and a few facts, no graph."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..codec import GridHint
from ..errors import AttarError
from ..graph import WeightLayer
from ..graph.layers import Offset
from ..numerics.low_rank import Decomposition, decompose
from ..numerics.moments import InputStatistics
from ..numerics.quadratic import Quadratic
from ..numerics.second_moments import SecondMoments
from ..numerics.weight_rows import WeightRows, in_blocks, plain_rows


class NotApplicable(AttarError):
    """A technique cannot treat a layer; the text is the reason that the user reads."""


@dataclass(frozen=True)
class Weights:
    """The weights of one layer on their way through a chain of techniques.

    Attributes:
        values: the weights, float32, in the layer's own shape.
        op_type: the operator that reads them.
        channel_axis: axis of output channels.
        is_matrix: one rank-2 operand of Gemm or MatMul, so that it may become two thin ones.
        statistics: what calibration saw of the layer's inputs, None where nothing was measured.
        offset: where the output can be shifted, None where it can't.
        hint: integers and scales that reproduce `values`, where a technique knows them.
        layout: the weights as rows. moments: of what the rows multiply, None where it was not seen.
        row_cost: what errors of the outputs cost the network, of mean 1; None where all count the same.
    """

    values: np.ndarray
    op_type: str
    channel_axis: int
    is_matrix: bool = False
    statistics: InputStatistics | None = None
    offset: Offset | None = None
    hint: GridHint | None = None
    layout: WeightRows | None = None
    moments: SecondMoments | None = None
    row_cost: Quadratic | None = None

    @classmethod
    def of(cls, layer: WeightLayer, values: np.ndarray, statistics: InputStatistics | None = None) -> "Weights":
        """Return the weights of `layer` with `values` as float32."""
        is_matrix = layer.role == "matrix" and len(layer.nodes) == 1 and layer.direct
        return cls(
            values.astype(np.float32, copy=False),
            layer.op_type,
            layer.channel_axis,
            is_matrix,
            statistics,
            layer.offset,
        )

    @property
    def rows(self) -> np.ndarray:
        """The weights as (groups, outputs per group, inputs), in the order of `moments`."""
        return self.as_rows.rows(self.values)

    @property
    def as_rows(self) -> WeightRows:
        """How the weights become rows."""
        return self.layout or in_blocks(plain_rows(self.values.shape, self.channel_axis))

    def with_values(self, values: np.ndarray, hint: GridHint | None = None) -> "Weights":
        """Return the same layer with other values."""
        return replace(self, values=np.ascontiguousarray(values, np.float32), hint=hint)

    @property
    def has_moment(self) -> bool:
        """Whether the second moment of the inputs was measured."""
        return self.statistics is not None and self.statistics.moment is not None

    @property
    def matrix(self) -> np.ndarray:
        """The weights as (outputs, inputs)."""
        return np.moveaxis(self.values, self.channel_axis, 0).reshape(self.values.shape[self.channel_axis], -1)

    @cached_property
    def plain_decomposition(self) -> Decomposition:
        return decompose(self.matrix)

    @cached_property
    def aware_decomposition(self) -> Decomposition:
        return decompose(self.matrix, moment=self.statistics.moment)


def product(parts: Sequence[Weights]) -> np.ndarray:
    """Return the single weight array that `parts` stand for, laid out as the original layer."""
    if len(parts) == 1:
        return parts[0].values
    inner, outer = (part.values for part in parts)
    return outer @ inner if parts[0].channel_axis == 0 else inner @ outer
