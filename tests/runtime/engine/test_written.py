"""No buffer leaves the engine that was not written: outputs of one number a sample, programs that read what is not."""

from dataclasses import replace

import numpy as np
import pytest
from common.networks import build, normal
from common.running import run as run_floats

import attar
from attar.errors import FormatError
from attar.graph import load
from attar.runtime.engine import Machine
from attar.runtime.engine.arena import planned
from attar.runtime.engine.build import machine_of
from attar.runtime.engine.physical import physical
from attar.runtime.engine.section import section
from attar.runtime.integer import Affine, Extrapolated, calibrate, lower

ONE_NUMBER = {
    "Squeeze": ("y = Squeeze (k, axes)", 1, {"axes": np.array([1])}),
    "Reshape": ("y = Reshape (k, axes)", 1, {"axes": np.array([-1])}),
    "ReduceSum": ("y = ReduceSum <keepdims = 0> (k, axes)", 5, {"axes": np.array([1])}),
    "ReduceMax": ("y = ReduceMax <keepdims = 0> (k, axes)", 5, {"axes": np.array([1])}),
    "Gather": ("y = Gather <axis = 1> (k, place)", 5, {"place": np.array(3)}),
}


@pytest.fixture(params=[0x00, 0x5A])
def memory_of_one_byte(request, monkeypatch):
    """Let memory that nobody has written yet be full of a byte."""
    empty = np.empty

    def full(*args, **more):
        array = empty(*args, **more)
        if array.dtype != object and array.flags.c_contiguous:
            array.reshape(-1).view(np.uint8)[:] = request.param
        return array

    monkeypatch.setattr(np, "empty", full)


@pytest.mark.parametrize("name", ONE_NUMBER)
def test_an_output_of_one_number_a_sample_is_written(name, memory_of_one_byte):
    text, width, constants = ONE_NUMBER[name]
    model = load(
        build(
            f"net (float[n, 7] x) => (float[n] y) {{ k = MatMul (x, w) {text} }}", {"w": normal(7, width)} | constants
        )
    )
    x = normal(30, 7)
    found = machine_of(lower(model, calibrate(model, {"x": x}, Affine()), Affine())).run({"x": x})["y"]
    (wanted,) = run_floats(model, {"x": x})
    assert found.shape == wanted.shape == (30,)
    assert np.linalg.norm(found - wanted) < 0.05 * np.linalg.norm(wanted)


def test_a_whole_run_does_not_depend_on_memory_that_nobody_wrote(memory_of_one_byte, request):
    """The same bytes whatever np.empty holds: coders, roundings and calibration write all that they read."""
    text = (
        "net (float[n, 7] x) => (float[n] y) { h = MatMul (x, v) r = Relu (h) k = MatMul (r, w) y = Squeeze (k, axes) }"
    )
    proto = build(text, {"v": normal(7, 24), "w": normal(24, 1), "axes": np.array([1])})
    result = attar.compress(proto, data=normal(60, 7), integer=True, max_error=10)
    kept = request.config.stash.setdefault(_SEEN, [])
    kept.append(result.file.chunk_sizes | {"y": attar.Engine(result.file)(normal(3, 7))["y"].tobytes()})
    assert kept[0] == kept[-1]


_SEEN = pytest.StashKey[list]()


def test_calibration_leaves_room_beyond_a_few_numbers():
    method = Extrapolated()
    assert method.room(10_000) == method.room(10**6) == 1
    assert method.room(100) == pytest.approx(2**0.5) and method.room(0) == method.room(2) < 4
    model = load(build("net (float[n, 1] x) => (float[n, 1] y) { y = MatMul (x, w) }", {"w": np.float32([[2]])}))
    x = np.linspace(-1, 1, 10, dtype=np.float32).reshape(-1, 1)
    form = calibrate(model, {"x": x}, Affine(), method=method)["x"]
    assert form.scale * 255 == pytest.approx(2 * 2, rel=0.01)


@pytest.mark.parametrize("end", ["inputs", "outputs"])
def test_a_program_that_reads_what_nothing_wrote_is_refused(end):
    """An end that lies where no operator's tensor does: the first operator's input is not filled, or the output."""
    model = load(build("net (float[n, 6] x) => (float[n, 3] y) { y = MatMul (x, w) }", {"w": normal(6, 3)}))
    program = lower(model, calibrate(model, {"x": normal(9, 6)}, Affine()), Affine())
    plan = planned(physical(program))
    Machine(section(plan)).ready()
    (laid,) = getattr(plan, end)
    elsewhere = replace(
        plan, **{end: (replace(laid, name="z", root="z", shape=(2,)),)}, offsets={**plan.offsets, "z": 1}
    )
    with pytest.raises(FormatError, match="a tensor is read that nothing wrote"):
        Machine(section(elsewhere))
