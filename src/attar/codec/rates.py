"""What every value would cost at every place of a tensor: the rate term of an optimiser that chooses the values.

The levels of a tensor are known before its first element, so a cost depends on nothing that is still to be chosen. It
is that of the tables fitted to the integers given; after many changes they are fitted anew.
"""

from dataclasses import dataclass

import numpy as np

from .. import _native
from . import levels


@dataclass(frozen=True)
class Rates:
    """`bits[table, value + reach]` (float32) for the values -reach to reach, and the table of each place (uint8).

    An optimiser of many weights reads both arrays itself; `header_bytes` is what levels and tables take.
    """

    bits: np.ndarray
    tables: np.ndarray
    header_bytes: int

    @property
    def reach(self) -> int:
        """The largest magnitude that has a cost here."""
        return self.bits.shape[1] // 2

    def cost(self, values: np.ndarray) -> np.ndarray:
        """The bits (float32) that each of the values takes at its place; any shape that the tables broadcast to.

        Raises ValueError for a value beyond the reach.
        """
        values = np.ascontiguousarray(values, np.int32)
        tables = np.ascontiguousarray(np.broadcast_to(self.tables, values.shape))
        costs = np.empty(values.size, np.float32)
        try:
            _native.levels_cost(self.bits, self.reach, tables.reshape(-1), values.reshape(-1), costs)
        except ValueError as error:
            found = f"{values.min()}..{values.max()}"
            raise ValueError(f"values {found}: costs are known up to +-{self.reach}") from error
        return costs.reshape(values.shape)


def rates_of(integers: np.ndarray, *, reach: int | None = None) -> Rates:
    """The rates at which the codec would code a tensor of integers, and any other values up to `reach` in their place.

    `reach` None is twice the largest magnitude. Raises ValueError for a tensor without elements, or with integers that
    the coder has no codes for.
    """
    symbols = np.ascontiguousarray(integers, np.int32).reshape(-1)
    if symbols.size == 0:
        raise ValueError(f"integers of shape {np.shape(integers)}: there is nothing to fit rates to")
    plan = levels.plan(symbols, np.shape(integers), is_open=True)
    if plan is None:
        raise ValueError(f"integer {symbols.min()}: the limit is {levels.LOW}")
    reach = 2 * int(np.abs(symbols).max()) + 1 if reach is None else reach
    bits = np.empty((plan.tables, 2 * reach + 1), np.float32)
    plan.model.rates(reach, bits)
    tables = np.empty(symbols.size, np.uint8)
    plan.model.tables(0, tables)
    return Rates(bits, tables.reshape(np.shape(integers)), len(plan.header))
