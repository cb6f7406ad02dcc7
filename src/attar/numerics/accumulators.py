"""How wide a sum of products can get: eq. 4 of Ge et al. (2017), an upper bound that also leaves room for a bias."""

INT32, MOST = 32, 48  # widths: what the narrow accumulator holds, and the most that a multiplier of 15 bits still fits


def signed_bits(*values: int) -> int:
    """Return the fewest bits of two's complement that hold all `values`, one at least."""
    return 1 + max((value if value >= 0 else ~value).bit_length() for value in values)


def accumulator_bits(activation_bits: int, weight_bits: int, terms: int) -> int:
    """Return m + n + ceil(log2(o)), the bits of a sum of `terms` products of m-bit and n-bit signed integers.

    |sum| <= o 2^(m-1) 2^(n-1) <= 2^(bits - 2): it takes at most half of the range, whatever the order of its terms.
    """
    return activation_bits + weight_bits + max(terms - 1, 0).bit_length()


def with_bias(bits: int, largest_bias: int) -> int:
    """Return the bits of an accumulator that adds a bias of magnitude up to `largest_bias` to such a sum.

    The half of the range that eq. 4 leaves over is the bias's: it has to stay below 2^(bits - 2).
    """
    return max(bits, signed_bits(largest_bias) + 1)


def storage_bits(bits: int) -> int:
    """Return the width of the integers that are used: 32, or 64 where `bits` exceed that."""
    return INT32 if bits <= INT32 else 2 * INT32
