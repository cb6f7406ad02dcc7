"""Where the numbers of each tensor lie: the order of its axes in memory, and which tensors are the same memory.

Windows want channels last, so that a pixel's channels are neighbors; matrices want rows as they are. An order of axes
other than the network's own costs nothing by itself: a Transpose is another name for the same memory, and a Flatten in
front of a matrix another order of its columns. Numbers move only where two operators want them in different orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...numerics.formats import Format

Order = tuple[int, ...]


@dataclass(frozen=True)
class Laid:
    """A tensor in memory.

    Attributes:
        name: of its own. root: of the tensor whose memory it is, its own or another's.
        shape: of a sample, as the network counts. order: the axis that lies at each place in memory, outermost first.
        flattened: of one axis: how many channels its numbers have that lie channels last; 1 where they lie in order.
    """

    name: str
    root: str
    shape: tuple[int, ...]
    order: Order
    format: Format
    flattened: int = 1

    @property
    def dims(self) -> tuple[int, ...]:
        """The extents in memory, outermost first."""
        return tuple(self.shape[axis] for axis in self.order)

    @property
    def is_plain(self) -> bool:
        """Whether the numbers lie in the network's own order."""
        return self.flattened == 1 and same_order(self.shape, self.order, plain(self.shape))

    def place(self, axis: int) -> int:
        """Return where an axis lies in memory."""
        return self.order.index(axis)


def plain(shape: Sequence[int]) -> Order:
    """Return the network's own order."""
    return tuple(range(len(shape)))


def channels_last(shape: Sequence[int]) -> Order:
    """Return the order for windows over (channels, *extents)."""
    return (*range(1, len(shape)), 0)


def same_order(shape: Sequence[int], left: Order, right: Order) -> bool:
    """Whether two orders put every number at the same place; an axis of one number may stand anywhere."""
    return [axis for axis in left if shape[axis] > 1] == [axis for axis in right if shape[axis] > 1]
