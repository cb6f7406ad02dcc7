"""Where a network wants the channels of a picture, and how many: read from the shape of its input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_CHANNELS = (1, 3)


@dataclass(frozen=True)
class Layout:
    """Channels behind the sample (axis 1), behind the pixels (axis -1), or without an axis (None): gray pictures.

    Attributes:
        channels: how many the network wants, as far as its input says it.
    """

    channels: int
    axis: int | None

    @classmethod
    def of(cls, shape: Sequence[int | None]) -> "Layout":
        """Read the shape of an input, samples first, None where an extent is free."""
        if len(shape) == 3:
            return cls(1, None)
        if len(shape) != 4 or shape[1] in _CHANNELS or shape[3] not in _CHANNELS:
            return cls(shape[1] if len(shape) == 4 and shape[1] in _CHANNELS else 3, 1)
        return cls(shape[3], -1)

    def placed(self, picture: np.ndarray) -> np.ndarray:
        """Return (channels, height, width) in this layout."""
        if self.axis == 1:
            return picture
        return picture[0] if self.axis is None and len(picture) == 1 else picture.transpose(1, 2, 0)

    def extents(self, shape: Sequence[int | None]) -> tuple[int | None, int | None]:
        """Return height and width of an input of that shape, None where they are free or not there."""
        if len(shape) not in (3, 4):
            return None, None
        return (shape[1], shape[2]) if self.axis in (-1, None) else (shape[2], shape[3])
