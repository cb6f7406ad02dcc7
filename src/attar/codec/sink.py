"""Where decoded integers go: straight into the array that is wanted, by way of no other."""

from typing import NamedTuple

import numpy as np

from .. import _native
from .elements import bit_patterns

_NUMBERS = {name: number for number, name in enumerate(_native.ELEMENTS)}
_INTEGERS = {np.dtype(name): name for name in ("int32", "int16", "int8", "uint16", "uint8")}
_NO_SCALES, _NO_BOOK = np.zeros(0, np.float32), np.zeros(0, np.uint8)
GRID_MAX = 1 << 20
HOLDS_INTEGERS = frozenset(_INTEGERS)


class Sink(NamedTuple):
    """Elements `start` to `start + len - 1` of a flat tensor, in the vector `out` that they are written to.

    `scales` (float32) are those of a grid: element i has scales[i // stride % len(scales)]. `book` holds the entries of
    a codebook, entry symbol + `origin` for each element. With neither, elements are the integers themselves, which
    `out` must be able to hold; `is_int4` puts two of them into each byte of `out`, the first in the low half. `what`
    names them in errors.
    """

    out: np.ndarray
    start: int = 0
    scales: np.ndarray | None = None
    stride: int = 1
    book: np.ndarray | None = None
    origin: int = 0
    is_int4: bool = False
    what: str = "integers"

    def native(self) -> _native.Sink:
        """The same for the core; both keep their arrays alive."""
        scales = _NO_SCALES if self.scales is None else self.scales
        book = _NO_BOOK if self.book is None else bit_patterns(self.book).view(np.uint8)
        element = _NUMBERS[self._element()]
        return _native.Sink(element, self.out.view(np.uint8), self.start, scales, self.stride, book, self.origin)

    def _element(self) -> str:
        if self.is_int4:
            return "int4"
        if self.book is not None:
            return f"lookup{8 * self.out.itemsize}"
        return str(self.out.dtype) if self.scales is not None else _INTEGERS[self.out.dtype]

    @property
    def holds_all(self) -> bool:
        """Whether it refuses no symbol at all."""
        return self._element() == "int32"

    def limits(self) -> str:
        """What the integers may be, for an error."""
        if self.is_int4:
            return "int4 holds -8..7"
        if self.book is not None:
            return f"the codebook has {self.book.size} entries"
        if self.scales is not None:
            return f"beyond +-{GRID_MAX}"
        return f"{self.out.dtype} holds {np.iinfo(self.out.dtype).min}..{np.iinfo(self.out.dtype).max}"
