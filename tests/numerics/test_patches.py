"""Weights times columns is what onnxruntime makes of the convolution, for every geometry."""

import math

import numpy as np
import onnx_ir as ir
import pytest
from common.networks import normal
from common.running import run
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attar.graph.geometry import Geometry, geometry
from attar.numerics.patches import column_blocks, columns
from attar.numerics.positions import Positions
from attar.numerics.weight_rows import convolution_rows


def one_layer(op_type: str, inputs: np.ndarray, weights: np.ndarray, attributes: dict) -> ir.Model:
    x = ir.Value(name="x", shape=ir.Shape(inputs.shape), type=ir.TensorType(ir.DataType.FLOAT))
    w = ir.Value(name="w", const_value=ir.tensor(weights, name="w"))
    attrs = [ir.convenience.convert_attribute(name, value) for name, value in attributes.items()]
    node = ir.Node("", op_type, [x, w], attrs, num_outputs=1)
    node.outputs[0].name, node.outputs[0].type = "y", ir.TensorType(ir.DataType.FLOAT)
    graph = ir.Graph([x], node.outputs, nodes=[node], initializers=[w], opset_imports={"": 21}, name="layer")
    return ir.Model(graph, ir_version=10)


def product(found: np.ndarray, rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return weights times columns in the shape of the layer's output."""
    by_group = np.einsum("gpd,god->pgo", found, rows)
    by_position = by_group.reshape(shape[0], math.prod(shape[2:]), shape[1])
    return np.moveaxis(by_position, 2, 1).reshape(shape)


@st.composite
def convolutions(draw, transposed):
    axes = draw(st.integers(1, 3))
    small = st.lists(st.integers(1, 3), min_size=axes, max_size=axes)
    groups, of_group, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    kernel, strides, dilations = draw(small), draw(small), draw(small)
    extents = draw(st.lists(st.integers(1, 7 if axes < 3 else 4), min_size=axes, max_size=axes))
    attributes = {"strides": strides, "dilations": dilations, "group": groups, "kernel_shape": kernel}
    auto_pad = draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    if auto_pad != "NOTSET":
        attributes["auto_pad"] = auto_pad
        if auto_pad != "VALID" and not transposed:  # onnxruntime refuses dilations there
            attributes["dilations"] = [1] * axes
    else:
        attributes["pads"] = draw(st.lists(st.integers(0, 2), min_size=2 * axes, max_size=2 * axes))
    if transposed:
        attributes["output_padding"] = [draw(st.integers(0, stride - 1)) for stride in strides]
        if draw(st.booleans()):
            reach = [
                s * (e - 1) + (k - 1) * d + 1 for s, e, k, d in zip(strides, extents, kernel, dilations, strict=True)
            ]
            attributes["output_shape"] = [max(extent + draw(st.integers(-2, 0)), 1) for extent in reach]
    shape = (groups * of_group, outputs) if transposed else (groups * outputs, of_group)
    return normal(2, groups * of_group, *extents), normal(*shape, *kernel, seed=1), attributes


def assert_columns_give_the_output(op_type, inputs, weights, attributes):
    model = one_layer(op_type, inputs, weights, attributes)
    found = geometry(model.graph[0], weights.shape[2:])
    extents = [found.output(axis, extent) for axis, extent in enumerate(inputs.shape[2:])]
    assume(min(extents) > 0)
    (wanted,) = run(model, {"x": inputs})
    assert list(wanted.shape[2:]) == extents
    rows = convolution_rows(weights.shape, found.groups, transposed=found.transposed).rows(weights)
    np.testing.assert_allclose(product(columns(inputs, found), rows, wanted.shape), wanted, rtol=1e-4, atol=1e-4)


@settings(max_examples=200)
@given(convolutions(transposed=False))
def test_weights_times_columns_is_the_convolution(layer):
    assert_columns_give_the_output("Conv", *layer)


@settings(max_examples=200)
@given(convolutions(transposed=True))
def test_weights_times_columns_is_the_transposed_convolution(layer):
    assert_columns_give_the_output("ConvTranspose", *layer)


@pytest.mark.parametrize("block_bytes", [1, 500, 1 << 20])
def test_blocks_are_the_columns_piece_by_piece(block_bytes):
    window = Geometry((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)), groups=2)
    inputs = normal(3, 4, 5, 5)
    blocks = list(column_blocks(inputs, window, block_bytes=block_bytes))
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), columns(inputs, window))
    assert max(block.nbytes for block in blocks) <= max(block_bytes, 4 * 4 * 9)


def test_chosen_positions_are_columns_of_their_sample():
    window = Geometry((3,), (1,), (1,), ((1, 1),))
    inputs = normal(6, 2, 9)
    every = columns(inputs, window).reshape(6, 9, 6)
    chosen = columns(inputs, window, Positions(4, seed=3)).reshape(6, 4, 6)
    for sample in range(6):
        places = Positions(4, seed=3).choose(9, range(sample, sample + 1))[0]
        np.testing.assert_array_equal(chosen[sample], every[sample, places])


def test_the_choice_is_that_of_the_sample_whatever_batch_it_is_in():
    window = Geometry((3,), (1,), (1,), ((1, 1),))
    inputs, positions = normal(6, 2, 9), Positions(4, seed=3)
    halves = [columns(inputs[:3], window, positions), columns(inputs[3:], window, positions, first=3)]
    np.testing.assert_array_equal(np.concatenate(halves, axis=1), columns(inputs, window, positions))
    assert not np.array_equal(columns(inputs, window, Positions(4, seed=4)), columns(inputs, window, positions))


def test_halves_become_floats():
    window = Geometry((1,), (1,), (1,), ((0, 0),))
    found = columns(normal(2, 3, 4, dtype=np.float16), window)
    assert found.dtype == np.float32 and found.shape == (1, 8, 3)
