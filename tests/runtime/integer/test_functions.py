"""Functions by table: every entry is onnxruntime's value, rounded once."""

import numpy as np
import pytest
from common.running import run as run_floats

from attar.graph import load
from attar.numerics.formats import Format, dequantize, quantize
from attar.runtime.integer import Affine, FixedPoint, lower, run_integers
from attar.runtime.integer.program import Table

from .beside_float import assert_within, one
from .test_operators import every_scheme

FUNCTIONS = {
    "Sigmoid": "Sigmoid (x)",
    "Tanh": "Tanh (x)",
    "HardSigmoid": "HardSigmoid <alpha = 0.3> (x)",
    "HardSwish": "HardSwish (x)",
    "LeakyRelu": "LeakyRelu <alpha = 0.2> (x)",
    "Gelu": "Gelu (x)",
    "Gelu by Tanh": 'Gelu <approximate = "tanh"> (x)',
    "Elu": "Elu <alpha = 0.7> (x)",
    "Selu": "Selu (x)",
    "Selu of its own": "Selu <alpha = 1.2, gamma = 0.8> (x)",
    "Celu": "Celu <alpha = 0.5> (x)",
    "Softplus": "Softplus (x)",
    "Softsign": "Softsign (x)",
    "Mish": "Mish (x)",
    "Erf": "Erf (x)",
    "Exp": "Exp (x)",
    "Abs": "Abs (x)",
    "Neg": "Neg (x)",
    "Pow": "Pow (x, three)",
}


def network(text: str, **options):
    return one(f"y = {text}", "3, 4", "3, 4", {"three": np.float32(3)} if "three" in text else {}, **options)


@every_scheme
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_by_table(name, scheme):
    program = assert_within(network(FUNCTIONS[name]), scheme)
    (operator,) = program.operators
    assert isinstance(operator, Table) and len(operator.table) == 2 ** program.tensors["x"].format.bits


def test_swish():
    assert_within(network("Swish <alpha = 1.7> (x)", opset=24), FixedPoint())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_entry_is_the_function_in_float64_rounded_once(name):
    source, target = Format(12, True, 2.0**-8, 17), Format(16, True, 2.0**-9)
    program = lower(load(network(FUNCTIONS[name])), {"x": source, "y": target}, Affine())
    table = program.operators[0].table
    x = dequantize(np.arange(source.low, source.high + 1), source)
    (floats,) = run_floats(load(network(FUNCTIONS[name])), {"x": np.resize(x, (342, 3, 4))})
    wanted = quantize(floats.reshape(-1)[:4096], target)
    assert np.abs(table - wanted).max() <= 1  # where float32 rounds across a half
    assert np.mean(table == wanted) > 0.99


def test_the_root_of_what_is_below_zero_is_zero():
    program = lower(load(network("Sqrt (x)")), {"x": Format(8, True, 0.25), "y": Format(8, True, 0.125, -3)}, Affine())
    table = program.operators[0].table
    assert (table[:128] == -3).all() and table[128 + 36] == 3 / 0.125 - 3


def test_entries_clamp_where_the_function_leaves_the_format():
    program = lower(load(network("Exp (x)")), {"x": Format(12, True, 2.0), "y": Format(8, False, 1.0)}, Affine())
    table = program.operators[0].table
    assert table[0] == 0 and table[2048:2051].tolist() == [1, 7, 55] and table[-1] == 255


def test_a_planted_entry_is_read_where_it_stands():
    program = lower(load(network("Tanh (x)")), {"x": Format(4, True, 0.5), "y": Format(8, True, 2.0**-7)}, FixedPoint())
    program.operators[0].table[8 + 3] = -77
    q = np.arange(-6, 6).reshape(1, 3, 4)
    found = run_integers(program, {"x": q}).outputs["y"]
    assert (found == -77).tolist() == (q == 3).tolist()
