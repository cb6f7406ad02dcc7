"""A file that runs as it is: the same integers as the oracle's, for any threads, without onnx; clear errors."""

import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

import attar
from attar import container
from attar.errors import DataError, FormatError, ModelError
from attar.runtime.engine import KERNELS, Engine
from attar.runtime.engine.build import with_program
from attar.runtime.integer import Affine, FixedPoint, calibrate, lower, run, to_qdq

ROOT = Path(__file__).parents[3]
FASHION = ROOT / "examples" / "fashion"
NETWORKS = ("lenet5", "lenet_300_100", "vgg_small")


def images(count: int = 8) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 1, 28, 28)).astype(np.float32)


def made(name: str, scheme: Affine | FixedPoint | None = None):
    scheme = scheme or Affine()
    model = attar.load(FASHION / f"{name}.onnx")
    inputs = {model.graph.inputs[0].name: images()}
    program = lower(model, calibrate(model, inputs, scheme), scheme)
    data, plan = with_program(container.to_bytes(model), program)
    return data, program, plan, inputs


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_runs_as_the_oracle_says(name, kernels, threads):
    data, program, _, inputs = made(name)
    found = Engine(data, kernels=kernels, threads=threads)(inputs)
    for output, wanted in run(program, inputs).outputs.items():
        np.testing.assert_array_equal(found[output], wanted)


@pytest.mark.parametrize("scheme", [FixedPoint(), FixedPoint(4, 5), Affine(12, 12), FixedPoint(16, 8), Affine(3, 2)])
def test_a_file_of_other_widths_runs_as_the_oracle_says(scheme):
    data, program, plan, inputs = made("lenet5", scheme)
    engine = Engine(data)
    for output, wanted in run(program, inputs).outputs.items():
        np.testing.assert_array_equal(engine(inputs)[output], wanted)
    assert engine.machine.arena_bytes == plan.arena_bytes


def test_weights_on_a_grid_are_not_stored_twice(tmp_path):
    result = attar.compress(FASHION / "lenet5.onnx", data=images(200), recipe="int8", integer=True, max_error=50)
    assert result.file.chunk_sizes["program"] < 2000  # steps and biases of the table, 430,500 weights too
    names = [entry.name for entry in result.file.entries]
    assert names == list(attar.load(FASHION / "lenet5.onnx").graph.initializers)


def test_neither_onnx_nor_a_runtime_is_loaded(tmp_path):
    path = tmp_path / "lenet5.attar"
    path.write_bytes(made("lenet5")[0])
    code = (
        f"import attar, sys, numpy; attar.Engine({str(path)!r})(numpy.zeros((1, 1, 28, 28), 'f')); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"onnx", "onnx_ir", "onnxruntime", "torch", "scipy", "google.protobuf", "typer"} & set(loaded)


def test_a_file_without_a_program_is_refused():
    with pytest.raises(FormatError, match="no program is inside"):
        Engine(container.to_bytes(attar.load(FASHION / "lenet5.onnx")))


def test_a_qdq_model_runs_as_its_program(tmp_path):
    model, path = attar.load(FASHION / "lenet5.onnx"), tmp_path / "int8.onnx"
    inputs = {"image": images()}
    formats = calibrate(model, inputs, Affine())
    ir.save(to_qdq(model, formats, Affine()), path)
    wanted = run(lower(model, formats, Affine()), inputs).outputs["logits"]
    np.testing.assert_array_equal(Engine(path)(inputs)["logits"], wanted)


def test_a_model_in_floats_is_refused():
    with pytest.raises(ModelError, match="left in float"):
        Engine(FASHION / "lenet5.onnx")


def test_inputs_that_do_not_fit_are_refused():
    engine = Engine(made("lenet5")[0])
    with pytest.raises(DataError, match=r"\(1, 28, 28\) wanted"):
        engine(np.zeros((2, 28, 28), np.float32))
    with pytest.raises(DataError, match="NaN"):
        engine(np.full((1, 1, 28, 28), np.nan, np.float32))
    with pytest.raises(DataError, match="which was not given"):
        engine({"other": images()})


def test_a_program_that_wants_too_much_memory_is_refused():
    with pytest.raises(FormatError, match="memory beyond the limit"):
        Engine(made("lenet5")[0], max_memory_bytes=100_000)


def test_every_byte_of_a_section_may_be_anything():
    """Each single change gives an error or a program that runs; nothing crashes."""
    data = made("lenet_300_100")[0]
    file = container.open(data)
    section, rng = bytearray(file.programs[0]), np.random.default_rng(0)
    for at in range(min(len(section), 400)):
        old, section[at] = section[at], int(rng.integers(256))
        with suppress(FormatError, DataError):
            Engine(file.with_programs([bytes(section)]), max_memory_bytes=1 << 28)(images(1))
        section[at] = old


def test_the_page_runs(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "engine.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout.rstrip().endswith("14400"), done.stderr
