"""Resize and Upsample: nearest exact in all modes, linear within a step of onnxruntime, plain loops bit for bit."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from common.networks import normal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.numerics.formats import Format
from attar.runtime.integer import Affine, FixedPoint, run_integers
from attar.runtime.integer.program import Interpolate, Pick

from .beside_float import assert_within, one, programmed
from .by_loops import program_of, random_integers
from .test_lower import lowered
from .test_operators import every_scheme

COORDINATES = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def resize(before, behind, attributes, *, scales=None, sizes=None, opset=21):
    tensors = {"scales": np.float32([1, 1, *scales])} if scales else {"sizes": np.array([2, 3, *sizes])}
    inputs = "x, , scales" if scales else "x, , , sizes"
    if opset == 11:  # whose second input has to be there
        tensors, inputs = {**tensors, "roi": np.float32([])}, "x, roi, scales"
    shape, out = (f"3, {', '.join(map(str, extents))}" for extents in (before, behind))
    proto = one(f"y = Resize <{attributes}> ({inputs})", shape, out, tensors, opset=opset)
    if sizes:
        proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
        proto.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 2
    return proto


@pytest.mark.parametrize("nearest", NEAREST)
@pytest.mark.parametrize("coordinates", [*COORDINATES, "tf_half_pixel_for_nn"])
@pytest.mark.parametrize("scales", [(2, 3), (0.6, 1.7), (2.5, 0.3)])
def test_nearest_is_exact_in_every_mode(scales, coordinates, nearest):
    behind = [int(np.floor(np.float32(scale) * 7)) for scale in scales]
    modes = f'mode = "nearest", coordinate_transformation_mode = "{coordinates}", nearest_mode = "{nearest}"'
    proto = resize((7, 7), behind, modes, scales=scales, opset=11 if coordinates == "tf_half_pixel_for_nn" else 21)
    program = assert_within(proto, FixedPoint(), steps=0)
    assert isinstance(program.operators[0], Pick)


@every_scheme
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("sizes", [(8, 12), (7, 3), (11, 1), (4, 9)])
def test_linear_is_within_a_step(sizes, coordinates, scheme):
    modes = f'mode = "linear", coordinate_transformation_mode = "{coordinates}"'
    program = assert_within(resize((4, 6), sizes, modes, sizes=sizes), scheme)
    assert isinstance(program.operators[0], Interpolate)
    assert program.tensors["y"].format == program.tensors["x"].format


@settings(max_examples=50)
@example([2, 2], [1.0, 1.25], "half_pixel", "linear")
@given(
    st.lists(st.integers(2, 9), min_size=2, max_size=2),
    st.lists(st.sampled_from([0.4, 0.5, 0.75, 1.0, 1.25, 4 / 3, 2.0, 3.7]), min_size=2, max_size=2),
    st.sampled_from(COORDINATES),
    st.sampled_from(["nearest", "linear"]),
)
def test_any_scales(before, scales, coordinates, mode):
    behind = [
        int(np.floor(np.float32(scale) * np.float32(extent))) for scale, extent in zip(scales, before, strict=True)
    ]
    behind = [max(extent, 1) for extent in behind]
    proto = resize(
        before, ("a", "b"), f'mode = "{mode}", coordinate_transformation_mode = "{coordinates}"', scales=scales
    )
    if min(np.floor(np.float32(scales) * np.float32(before))) >= 1:
        assert_within(proto, Affine(), steps=mode == "linear")


@pytest.mark.parametrize("mode, opset", [("nearest", 9), ("linear", 9), ("nearest", 8), ("linear", 8)])
def test_upsample(mode, opset):
    given_scales = "scales = [1.0, 1.0, 2.0, 2.5]" if opset < 9 else ""
    attributes = ", ".join(filter(None, [f'mode = "{mode}"', given_scales]))
    tensors = {} if opset < 9 else {"scales": np.float32([1, 1, 2, 2.5])}
    proto = one(f"y = Upsample <{attributes}> (x{', scales' if tensors else ''})", "2, 3, 4", "2, 6, 10", tensors,
                opset=opset)  # fmt: skip
    assert_within(proto, FixedPoint(), steps=mode == "linear")


@pytest.mark.parametrize("scale, extent", [(2.5, 10), (0.6, 2), (0.5, 2)])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_the_first_resize_cuts_its_places(mode, scale, extent):
    proto = one(f'y = Resize <mode = "{mode}"> (x, scales)', "2, 3, 4", f"2, 3, {extent}",
                {"scales": np.float32([1, 1, 1, scale])}, opset=10)  # fmt: skip
    assert_within(proto, FixedPoint(), steps=mode == "linear")


def test_axes_may_be_named():
    proto = one('y = Resize <mode = "linear", axes = [3, 2]> (x, , scales)', "2, 3, 4", "2, 6, 12",
                {"scales": np.float32([3, 2])})  # fmt: skip
    assert_within(proto, FixedPoint())


def test_sizes_may_be_computed_from_a_shape():
    text = """s = Shape <end = 2> (x)  t = Concat <axis = 0> (s, extents)
        y = Resize <mode = "linear"> (x, , , t)"""
    program = assert_within(one(text, "2, 3, 4", "2, 7, 5", {"extents": np.array([7, 5])}), FixedPoint())
    assert [type(operator) for operator in program.operators] == [Interpolate]


@pytest.mark.parametrize("bits, weight_bits", [(8, 11), (12, 15)])
def test_weights_have_the_fewest_bits_that_hold_them(bits, weight_bits):
    feeds = {"x": normal(4, 3, 4, 4)}
    exact = programmed(resize((4, 4), (8, 16), 'mode = "linear"', scales=(2, 4)), feeds, FixedPoint(bits))[0]
    assert exact.operators[0].weight_bits == 3
    thirds = programmed(resize((4, 4), (12, 4), 'mode = "linear"', scales=(3, 1)), feeds, FixedPoint(bits))[0]
    assert thirds.operators[0].weight_bits == weight_bits and thirds.operators[0].axes == (1,)


REFUSED = {
    "cubic": ('mode = "cubic"', "x, , scales", "mode cubic"),
    "antialias": ('mode = "linear", antialias = 1', "x, , scales", "without antialias"),
    "cropped": ('mode = "linear", coordinate_transformation_mode = "tf_crop_and_resize"', "x, roi, scales",
                "coordinates tf_crop_and_resize; known are half_pixel, "),
    "a policy": ('mode = "nearest", keep_aspect_ratio_policy = "not_larger"', "x, , , sizes", "its sizes are limits"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named(case):
    attributes, inputs, message = REFUSED[case]
    held = {"scales": np.float32([2, 2]), "sizes": np.array([8, 8]), "roi": np.float32([0, 0, 1, 1])}
    used = {name: values for name, values in held.items() if name in inputs}
    proto = one(f"y = Resize <axes = [2, 3], {attributes}> ({inputs})", "2, 4, 4", "2, 8, 8", used)
    with pytest.raises(ModelError, match=f"operator Resize 'y': .*{message}"):
        lowered(proto)


@given(st.integers(0, 2**32 - 1), st.integers(2, 16), st.integers(0, 15))
def test_interpolation_equals_plain_loops_bit_for_bit(seed, bits, weight_bits):
    rng = np.random.default_rng(seed)
    form = Format(bits, True, 0.5, int(rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1))))
    cells = [(rng.integers(0, 4, n).astype(np.int32), rng.integers(0, 4, n).astype(np.int32)) for n in (5, 6)]
    weights = tuple(rng.integers(0, 2**weight_bits + 1, n).astype(np.int32) for n in (5, 6))
    nearer, farther = zip(*cells, strict=True)
    operator = Interpolate(inputs=("x",), output="y", axes=(0, 2), nearer=nearer, farther=farther, weights=weights,
                           weight_bits=weight_bits)  # fmt: skip
    program = program_of(operator, x=((4, 2, 4), form), y=((5, 2, 6), form))
    q = random_integers(program, seed, samples=1)
    found, one_weight = run_integers(program, {"x": q}).outputs["y"], 2**weight_bits
    for i, c, j in np.ndindex(5, 2, 6):
        up, across = int(weights[0][i]), int(weights[1][j])
        rows = ((nearer[0][i], one_weight - up), (farther[0][i], up))
        columns = ((nearer[1][j], one_weight - across), (farther[1][j], across))
        exact = sum(Fraction(int(q[0, a, c, b]) - form.zero) * u * v for a, u in rows for b, v in columns)
        assert found[0, i, c, j] == form.zero + (exact / one_weight**2 + Fraction(1, 2)).__floor__()


def test_a_weight_off_by_one_part_in_four_shows():
    program, q = programmed(
        resize((4, 4), (8, 4), 'mode = "linear"', scales=(2, 1)), {"x": normal(5, 3, 4, 4)}, FixedPoint()
    )
    (operator,) = program.operators
    moved = replace(operator, weights=tuple(np.roll(each, 1) for each in operator.weights))
    found = run_integers(program, q).outputs["y"]
    assert (found != run_integers(replace(program, operators=(moved,)), q).outputs["y"]).any()
