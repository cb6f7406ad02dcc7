"""Memory as Ge et al. 2017 count it: one buffer that all layers share (eq. 6), and two in turn.

Widths are bits of one number, `elements` numbers of one layer's output; the input layer is left out by the paper.
"""

from collections.abc import Sequence
from itertools import pairwise


def shared_buffer_bits(widths: Sequence[int], elements: Sequence[int]) -> int:
    """Return E_m = max over layers of m_l s_l, Ge et al. 2017, eq. 6: one buffer that fits the largest output."""
    return max(_bits(widths, elements), default=0)


def ping_pong_bits(widths: Sequence[int], elements: Sequence[int]) -> int:
    """Return the most that two layers in a row need: an executor reads one output while it writes the next."""
    each = _bits(widths, elements)
    return max((a + b for a, b in pairwise([0, *each])), default=0)


def _bits(widths: Sequence[int], elements: Sequence[int]) -> list[int]:
    return [m * s for m, s in zip(widths, elements, strict=True)]
