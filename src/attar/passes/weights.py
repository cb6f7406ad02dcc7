"""What a technique sees of a layer: an array and a few facts, no graph."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..codec import GridHint
from ..errors import AttarError
from ..graph import WeightLayer
from ..numerics.low_rank import Decomposition, decompose


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
        moment: E[x x^T] (inputs, inputs) of the layer's inputs, where it was measured.
        hint: integers and scales that reproduce `values`, where a technique knows them.
    """

    values: np.ndarray
    op_type: str
    channel_axis: int
    is_matrix: bool = False
    moment: np.ndarray | None = None
    hint: GridHint | None = None

    @classmethod
    def of(cls, layer: WeightLayer, values: np.ndarray, moment: np.ndarray | None = None) -> "Weights":
        """Return the weights of `layer` with `values` as float32."""
        is_matrix = layer.role == "matrix" and len(layer.nodes) == 1
        return cls(values.astype(np.float32), layer.op_type, layer.channel_axis, is_matrix, moment)

    def with_values(self, values: np.ndarray, hint: GridHint | None = None) -> "Weights":
        """Return the same layer with other values."""
        return replace(self, values=np.ascontiguousarray(values, np.float32), hint=hint)

    @property
    def matrix(self) -> np.ndarray:
        """The weights as (outputs, inputs)."""
        return np.moveaxis(self.values, self.channel_axis, 0).reshape(self.values.shape[self.channel_axis], -1)

    @cached_property
    def plain_decomposition(self) -> Decomposition:
        return decompose(self.matrix)

    @cached_property
    def aware_decomposition(self) -> Decomposition:
        return decompose(self.matrix, moment=self.moment)
