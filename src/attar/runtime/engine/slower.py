"""Why an operator runs a slower kernel than others of its kind: what is wider than the fastest kernels take."""

from collections.abc import Iterable

NARROW, BYTE = 32, 8  # bits of accumulators, of numbers and weights
PLAIN = "ref"


def why_slower(kernels: str, accumulator_bits: int, weight_bits: int, numbers: Iterable[int], *, best: str) -> str:
    """Return the reasons, with commas between; nothing where the operator runs as fast as any.

    Args:
        kernels: the kind that the operator runs. best: the most able kind that it might.
        accumulator_bits, weight_bits: 0 where there are none. numbers: bits of what is read and written.
    """
    reasons = [f"accumulators of {accumulator_bits} bits"] if accumulator_bits > NARROW else []
    reasons += [f"weights of {weight_bits} bits"] if weight_bits > BYTE else []
    reasons += [f"numbers of {bits} bits" for bits in sorted(set(numbers)) if _in_memory(bits) != BYTE]
    if kernels == PLAIN != best:
        reasons.append("the plain kernel: no other takes it")
    return ", ".join(reasons)


def _in_memory(bits: int) -> int:
    return next(width for width in (4, 8, 16) if bits <= width)
