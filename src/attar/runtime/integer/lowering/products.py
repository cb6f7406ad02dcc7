"""Conv, Gemm and MatMul, and the fields that all operators with weights share."""

import numpy as np

from ....errors import ModelError
from ....graph.geometry import geometry
from ....numerics.accumulators import INT32, accumulator_bits, with_bias
from ....numerics.formats import offset_bits
from ..operands import numbers
from ..program import Convolution, Dense, MatrixProduct, Operator
from ..weights import Grid, bias_integers, coarsened, given_grid, grid_of
from .site import Site, checked_width, product_factors, rescale


def lower_conv(site: Site) -> tuple[Operator, ...]:
    """Lower a Conv over one or two spatial axes."""
    source, extents, weights = site.sole_input(), site.spatial(), constant(site, 1)
    moves = geometry(site.node, weights.shape[2:])
    pads = []
    for axis, extent in enumerate(extents):
        begin, kernel = moves.begin(axis, extent), (moves.kernel[axis] - 1) * moves.dilations[axis] + 1
        windows = (site.output.shape[1 + axis] - 1) * moves.strides[axis] + kernel
        pads.append((begin, windows - extent - begin))
    bias = bias_row(site, 2, len(weights))
    grid = _grid(site, weights, bias, axis=0)
    return (
        Convolution(
            **weighted(site, grid, bias, source.format.scale),
            source=site.node.inputs[1].name,
            bias_source=name_of(site, 2),
            strides=moves.strides,
            dilations=moves.dilations,
            pads=tuple(pads),
            groups=moves.groups,
        ),
    )


def lower_gemm(site: Site) -> tuple[Operator, ...]:
    """Lower a Gemm with constant weights: alpha goes into the weights' scale, beta into the bias."""
    source, attributes = site.sole_input(), site.node.attributes
    if attributes.get_int("transA", 0) or len(source.shape) != 1 or site.step.inputs[0] is not site.node.inputs[0]:
        raise site.refusal("its first operand has to be the samples, one a row")
    weights, axis = constant(site, 1), 0 if attributes.get_int("transB", 0) else 1
    _check_terms(site, weights.shape[1 - axis])
    alpha = np.float32(attributes.get_float("alpha", 1.0))
    if not alpha > 0:
        raise site.refusal(f"alpha {alpha:g} is not positive")
    bias = bias_row(site, 2, weights.shape[axis]) * attributes.get_float("beta", 1.0)
    grid = _grid(site, weights, bias / float(alpha), axis=axis)
    scaled = Grid(grid.integers, grid.scales * alpha, grid.bits)
    fields = weighted(site, scaled, bias, source.format.scale)
    return (Dense(**fields, source=site.node.inputs[1].name, bias_source=name_of(site, 2)),)


def lower_matmul(site: Site) -> tuple[Operator, ...]:
    """Lower a MatMul of two tensors, or of one and a constant matrix behind it."""
    if len(site.inputs) == len(site.node.inputs):
        return (_matrix_product(site),)
    source = site.sole_input()
    if site.step.inputs[0] is not site.node.inputs[0]:
        raise site.refusal("its weights are the first operand; only the second is known")
    weights = constant(site, 1)
    if weights.ndim != 2:
        raise site.refusal(f"its weights have {weights.ndim} axes; two are known")
    _check_terms(site, len(weights))
    bias = np.zeros(1) if site.step.bias is None else site.step.bias
    bias = np.broadcast_to(bias.astype(np.float64), weights.shape[1])
    grid = _grid(site, weights, bias, axis=1)
    return (Dense(**weighted(site, grid, bias, source.format.scale), source=site.node.inputs[1].name),)


def _check_terms(site: Site, terms: int) -> None:
    shape = site.inputs[0].shape
    if not shape or shape[-1] != terms:
        raise site.refusal(f"its weights want {terms} numbers of samples of shape {shape}")


def _matrix_product(site: Site) -> MatrixProduct:
    left, right = site.both()
    if len(left.shape) < 2:
        raise site.refusal("its matrices join the samples")
    terms = left.shape[-1]
    bits = accumulator_bits(offset_bits(left.format), offset_bits(right.format), terms)
    factor = left.format.exact_scale * right.format.exact_scale / site.output.format.exact_scale
    fields = {**site.clamped(), "inputs": (left.name, right.name)}
    return MatrixProduct(**fields, accumulator_bits=checked_width(site, bits), rescale=rescale([factor], bits))


def weighted(site: Site, grid: Grid, bias: np.ndarray, input_scale: float) -> dict[str, object]:
    """Return the fields of an operator with weights: integers, bias, accumulator and rescaling."""
    integers = grid.integers
    try:
        biases = bias_integers(bias, grid, input_scale)
    except ModelError as error:
        raise site.refusal(str(error)) from error
    terms = int(np.count_nonzero(integers.reshape(len(integers), -1), axis=1).max(initial=0))
    bits = accumulator_bits(offset_bits(site.inputs[0].format), grid.bits, terms)
    bits = checked_width(site, with_bias(bits, int(np.abs(biases).max(initial=0))))
    factors = product_factors(grid.scales, site.inputs[0].format, site.output.format)
    return {
        **site.clamped(),
        "accumulator_bits": bits,
        "rescale": rescale(factors, bits),
        "weights": np.ascontiguousarray(integers.astype(np.int8 if grid.bits <= 8 else np.int16)),
        "weight_bits": grid.bits,
        "bias": stored_bias(biases, bits),
        "scales": shared(grid.scales),
    }


def shared(scales: np.ndarray) -> np.ndarray:
    """Return the one scale where all are the same."""
    return scales[:1].copy() if (scales == scales[:1]).all() else scales


def stored_bias(bias: np.ndarray, bits: int) -> np.ndarray:
    return bias.astype(np.int32 if bits <= INT32 else np.int64)


def _grid(site: Site, weights: np.ndarray, bias: np.ndarray, *, axis: int) -> Grid:
    """Return the integers of the weights, outputs first: those given, or those that the scheme makes."""
    name = site.node.inputs[1].name
    if name in site.given:
        grid = given_grid(name, site.given, weights.shape, axis=axis)
        grid = coarsened(grid, bias, site.inputs[0].format) if site.coarsens else grid
    else:
        rows = np.moveaxis(weights, axis, 0).astype(np.float32)
        grid = grid_of(name, rows, bias, site.inputs[0].format, site.scheme)
    site.chosen[site.output.name] = np.moveaxis(grid.integers, 0, axis), grid.scales
    return grid


def constant(site: Site, position: int) -> np.ndarray:
    """Return the weights at `position`."""
    values = numbers(site.node.inputs[position])
    if values is None:
        raise site.refusal("its weights are not constant")
    return values


def name_of(site: Site, position: int) -> str | None:
    """Return the name of what the operator reads at `position`, None where it reads nothing there."""
    value = site.node.inputs[position] if len(site.node.inputs) > position else None
    return None if value is None else value.name


def bias_row(site: Site, position: int, outputs: int) -> np.ndarray:
    """Return an optional bias as float64 (outputs,)."""
    if len(site.node.inputs) <= position or site.node.inputs[position] is None:
        return np.zeros(outputs)
    values = constant(site, position)
    if values.size not in (1, outputs) or values.size != (values.shape[-1] if values.ndim else 1):
        raise site.refusal(f"its bias has shape {values.shape}; one number for each of {outputs} outputs is known")
    return np.broadcast_to(values.reshape(-1).astype(np.float64), outputs)
