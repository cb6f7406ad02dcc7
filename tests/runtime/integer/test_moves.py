"""What cuts, picks and moves: exact, whatever the format; a Split is its Slices."""

from dataclasses import replace

import numpy as np
import pytest
from common.networks import build, normal
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load
from attar.numerics.formats import Format
from attar.runtime.integer import FixedPoint, lower, run_integers
from attar.runtime.integer.program import Pick, Reshape, Slice

from .beside_float import assert_within, one, programmed
from .by_loops import program_of, random_integers
from .test_operators import every_scheme

FAR = 2**63 - 1
CASES = {
    "one axis": ("3, 5", "3, 2", [1], [3], [2], [1]),
    "from the end": ("3, 5", "1, 2", [-1, -3], [FAR, -1], [1, 2], [1, 1]),
    "every other": ("6, 5", "3, 2", [1, 0], [6, 4], [1, 2], [2, 3]),
    "backward": ("6, 5", "6, 5", [-1], [-FAR], [-1], [-1]),
    "backward in steps": ("6, 5", "3, 5", [5], [0], [1], [-2]),
    "the whole batch": ("6, 5", "6, 3", [0, 0], [FAR, 3], [0, 2], [1, 1]),
}


@every_scheme
@pytest.mark.parametrize("case", CASES)
def test_slices(case, scheme):
    shape, out, *cut = CASES[case]
    tensors = dict(zip(("s", "e", "a", "t"), map(np.array, cut), strict=True))
    program = assert_within(one("y = Slice (x, s, e, a, t)", shape, out, tensors), scheme, steps=0)
    assert isinstance(program.operators[0], Slice)
    assert program.tensors["y"].format == program.tensors["x"].format


def test_a_slice_of_an_old_opset():
    proto = one("y = Slice <starts = [1], ends = [9], axes = [2]> (x)", "3, 5", "3, 4", opset=9)
    assert_within(proto, FixedPoint(), steps=0)


SPLITS = {
    "sizes": ("a, b = Split <axis = 1> (x, sizes)", {"sizes": np.array([1, 3])}, 21),
    "a number": ("a, b = Split <axis = -2, num_outputs = 2> (x)", {}, 21),
    "equal halves": ("a, b = Split <axis = 1> (x)", {}, 11),
    "an attribute": ("a, b = Split <axis = 1, split = [3, 1]> (x)", {}, 9),
}


@every_scheme
@pytest.mark.parametrize("case", SPLITS)
def test_a_split_is_its_slices(case, scheme):
    statement, tensors, opset = SPLITS[case]
    first = {"sizes": 1, "an attribute": 3}.get(case, 2)
    text = (
        f"net (float[n, 4, 3] x) => (float[n, {first}, 3] a, float[n, {4 - first}, 3] c) {{ {statement} c = Neg (b) }}"
    )
    proto = build(text.replace("Neg", "Relu"), tensors, opset=opset)
    program = assert_within(proto, scheme)
    assert [type(operator).__name__ for operator in program.operators] == ["Slice", "Slice", "Requantize"]
    assert program.tensors["a"].format == program.tensors["b"].format == program.tensors["x"].format
    assert program.operators[1].starts == (first, 0)


def test_both_parts_may_be_outputs():
    proto = build(
        "net (float[n, 4] x) => (float[n, 2] a, float[n, 2] b) { a, b = Split <axis = 1, num_outputs = 2> (x) }"
    )
    assert_within(proto, FixedPoint(), steps=0)


def test_a_part_that_nobody_reads_is_not_cut():
    proto = one("a, y, b = Split <axis = 1, num_outputs = 3> (x)", "6", "2")
    program = assert_within(proto, FixedPoint(), steps=0)
    assert [operator.starts for operator in program.operators] == [(2,)] and list(program.tensors) == ["x", "y"]


@pytest.mark.parametrize("axis, places, shape", [(1, [2, 0, 0], "3, 5"), (-1, [[0, -1]], "3, 1, 2"), (2, 1, "3")])
def test_gathers_of_constant_places(axis, places, shape):
    out = shape if axis != 1 else "3, 5"
    proto = one(f"y = Gather <axis = {axis}> (x, places)", "3, 5", out, {"places": np.array(places)})
    kinds = [type(operator) for operator in assert_within(proto, FixedPoint(), steps=0).operators]
    assert kinds == ([Pick] if axis == 1 else [Pick, Reshape])


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks_become_channels_and_come_back(mode):
    back = one(f'y = DepthToSpace <blocksize = 2, mode = "{mode}"> (x)', "12, 2, 5", "3, 4, 10")
    assert_within(back, FixedPoint(), steps=0)
    there = one(f'y = SpaceToDepth <blocksize = 2, mode = "{mode}"> (x)', "3, 4, 10", "12, 2, 5", opset=28)
    program = assert_within(there, FixedPoint(), steps=0)
    assert [type(operator).__name__ for operator in program.operators] == ["Reshape", "Transpose", "Reshape"]


CUT = {"s": np.array([0]), "e": np.array([2]), "a": np.array([0])}
REFUSED = {
    "samples cut": (
        "y = Slice (x, s, e, a)",
        CUT,
        "operator Slice 'y': it cuts the sample's axis: 0 to 2 in steps of 1",
    ),
    "samples looked up": ("y = Gather (x, s)", {"s": np.array([0, 1])}, "operator Gather 'y': it looks up samples"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named(case):
    text, tensors, message = REFUSED[case]
    proto = one(text, "3, 5", "3, 5", tensors)
    with pytest.raises(ModelError, match=message):
        lower(load(proto), dict.fromkeys("xy", Format(8, True, 1.0)), shapes={"x": (3, 5)})


@given(st.integers(0, 2**32 - 1))
def test_they_equal_plain_loops_bit_for_bit(seed):
    rng = np.random.default_rng(seed)
    shape, form = (4, 5), Format(8, True, 0.5)
    steps = tuple(int(step) for step in rng.choice([-2, -1, 1, 2], 2))
    extents = tuple(
        int(rng.integers(1, (extent - 1) // abs(step) + 2)) for extent, step in zip(shape, steps, strict=True)
    )
    starts = tuple((extent - 1 if step < 0 else 0) for extent, step in zip(shape, steps, strict=True))
    cut = Slice(inputs=("x",), output="y", starts=starts, steps=steps)
    indices = tuple(
        np.array([start + i * step for i in range(extent)], np.int32)
        for start, step, extent in zip(starts, steps, extents, strict=True)
    )
    pick = Pick(inputs=("x",), output="y", indices=indices)
    for operator in (cut, pick):
        program = program_of(operator, x=(shape, form), y=(extents, form))
        q = random_integers(program, seed)
        found = run_integers(program, {"x": q}).outputs["y"]
        for place in np.ndindex(found.shape):
            i, j = (start + at * step for start, at, step in zip(starts, place[1:], steps, strict=True))
            assert found[place] == q[place[0], i, j]


def test_a_start_off_by_one_shows():
    tensors = {"s": np.array([1]), "e": np.array([3]), "a": np.array([1])}
    program, q = programmed(
        one("y = Slice (x, s, e, a)", "4, 3", "2, 3", tensors), {"x": normal(5, 4, 3)}, FixedPoint()
    )
    moved = replace(program, operators=(replace(program.operators[0], starts=(0, 0)),))
    assert (run_integers(program, q).outputs["y"] != run_integers(moved, q).outputs["y"]).any()
