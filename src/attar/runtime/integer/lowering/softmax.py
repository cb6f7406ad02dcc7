"""A Softmax in the middle of a network: exponentials from a table, one division for each sum."""

from fractions import Fraction
from math import prod

import numpy as np

from ....numerics.rounding import to_integers
from ..endings import softmax_axes
from ..program import Operator, Reshape, Softmax
from .site import Site, rescale

ONE = 2**30  # what stands for exp(0), and for a share of 1


def lower_softmax(site: Site) -> tuple[Operator, ...]:
    """Lower a Softmax along an axis that is not the sample's, or of an old opset along all from there on."""
    shape = site.sole_input().shape
    axis, last = (each - 1 for each in softmax_axes(site.node, len(shape) + 1))
    if axis < 0:
        raise site.refusal("it runs along the samples")
    if axis == last or prod(shape[axis + 1 :]) == 1:
        return (_softmax(site, site.inputs[0].name, site.output.name, axis),)
    flat = (*shape[:axis], prod(shape[axis:]))
    rows, shares = site.between("rows", flat, site.inputs[0].format), site.between("shares", flat)
    return (
        Reshape(inputs=(site.inputs[0].name,), output=rows.name),
        _softmax(site, rows.name, shares.name, axis),
        Reshape(inputs=(shares.name,), output=site.output.name),
    )


def _softmax(site: Site, source: str, output: str, axis: int) -> Softmax:
    form = site.inputs[0].format
    site.check_table(form)
    parts = to_integers(np.exp(-np.arange(2**form.bits) * form.scale) * ONE).astype(np.int32)
    factor = Fraction(1, ONE) / site.output.format.exact_scale
    wiring = {"inputs": (source,), "output": output}
    return Softmax(**{**site.clamped(), **wiring}, axis=axis, table=parts, rescale=rescale([factor]))
