"""Tensors of a file's table that a program may take its weights and biases from."""

from dataclasses import dataclass

import numpy as np

from ...errors import ModelError
from ..integer.channels import inputs_first
from ..integer.program import TransposedConvolution, Weighted
from ..integer.weights import Grid, bias_integers


@dataclass(frozen=True, eq=False)
class InTable:
    """A tensor of the table: integers and their steps where it lies on a grid or is integers, else numbers.

    Attributes:
        place: in the table. integers: in the tensor's own shape; None of one that is not on a grid.
        steps: float32, one or one for each place along the first axis. numbers: float32, of one that may be a bias.
    """

    place: int
    integers: np.ndarray | None = None
    steps: np.ndarray | None = None
    numbers: np.ndarray | None = None

    def is_weights_of(self, operator: Weighted) -> bool:
        """Whether these are the operator's weights and steps, as they are or transposed.

        Those of a TransposedConvolution have to lie as a ConvTranspose's, inputs first.
        """
        if self.integers is None or self.steps.size not in (1, len(operator.weights)):
            return False
        rows = np.zeros(len(operator.weights), np.float32)
        if not np.array_equal(rows + self.steps, rows + operator.scales):
            return False
        if isinstance(operator, TransposedConvolution):
            return self._lies_as(inputs_first(operator.weights, operator.groups))
        return self._lies_as(operator.weights) or self.is_transposed(operator)

    def is_transposed(self, operator: Weighted) -> bool:
        """Whether the tensor has the operator's outputs along its second axis."""
        weights = operator.weights
        return not self._lies_as(weights) and self.integers.ndim == 2 and np.array_equal(self.integers.T, weights)

    def is_bias_of(self, operator: Weighted, input_scale: float) -> bool:
        """Whether these numbers, in units of the operator's accumulator, are its bias."""
        if self.numbers is None or self.numbers.shape != operator.bias.shape:
            return False
        scales = np.broadcast_to(operator.scales, len(operator.weights))
        try:
            units = bias_integers(self.numbers, Grid(operator.weights, scales, operator.weight_bits), input_scale)
        except ModelError:
            return False
        return np.array_equal(units, operator.bias)

    def _lies_as(self, weights: np.ndarray) -> bool:
        return self.integers.shape == weights.shape and np.array_equal(self.integers, weights)
