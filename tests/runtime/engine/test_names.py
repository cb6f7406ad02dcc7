"""A section's tensors get the names that the network has, whatever the order in which operators stand there."""

from dataclasses import replace

import numpy as np
import pytest
from common.networks import build, normal
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.errors import ModelError
from attar.graph import load
from attar.numerics.formats import Format
from attar.runtime.engine.names import check_formats, formats_of
from attar.runtime.integer import Affine, MinMax, Program, calibrate, lower

from ..integer.test_networks import random_network
from .beside_oracle import machine

ANY = Format(8, True, 1.0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_formats_of_random_networks_are_found_again(seed):
    """Tensors of several widths, of which the order of operators depends."""
    model, feeds, rng = load(random_network(seed)), {"x": normal(4, 3, 8, 8, seed=seed)}, np.random.default_rng(seed)
    formats = calibrate(model, feeds, Affine(), method=MinMax(), threads=1)
    widths = {name: int(rng.choice([4, 8, 12])) for name in formats}
    program = lower(model, calibrate(model, feeds, Affine(widths), method=MinMax(), threads=1), Affine())
    section = machine(program)
    found = formats_of(section, lower(model, dict.fromkeys(formats, ANY), Affine()))
    assert found == {name: tensor.format for name, tensor in program.tensors.items()}
    check_formats(section, program)


TWINS = """net (float[n, 4] x, float[n, 4] v) => (float[n, 4] y) {
    a = MatMul (x, w)  b = MatMul (x, w)  c = MatMul (v, w)  d = Sub (a, b)  y = Sub (d, c) }"""


def program_of(text: str, formats: dict[str, Format]) -> Program:
    return lower(load(build(text, {"w": normal(4, 4)})), formats, Affine())


def forms(**changed: Format) -> dict[str, Format]:
    return {name: Format(8, True, 2.0**-number, number) for number, name in enumerate("xvabcdy")} | changed


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_branches_that_look_alike_keep_their_formats(order):
    """They stand in the order of the graph, which the file's own need not be."""
    lines = {"a": "a = MatMul (x, w)", "b": "b = MatMul (x, w)", "c": "c = MatMul (v, w)"}
    shuffled = TWINS.replace("  ".join(lines.values()), "  ".join(lines[name] for name in order))
    found = formats_of(machine(program_of(shuffled, forms())), program_of(TWINS, dict.fromkeys("xvabcdy", ANY)))
    assert found == forms()


OTHERS = {
    "kind": (TWINS.replace("y = Sub", "y = Mul"), "'y': Product .4,. of 2 in the graph, Sum .4,. of 2 in the program"),
    "input": (TWINS.replace("MatMul (v", "MatMul (x").replace("d, c", "d, v"), "'v': input 'v' .* in the graph, Dense"),
    "other input": (TWINS.replace("MatMul (v", "MatMul (x"), "'x': input 'x' .*, input 'v' .4,. of 0 in the program"),
    "shared": (TWINS.replace("b = MatMul (x, w)", "").replace("(a, b)", "(a, a)"), "computes it twice, the graph once"),
    "output": (TWINS.replace("=> (float[n, 4] y)", "=> (float[n, 4] d)"), "has outputs y; the graph d"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_network_is_told_apart(case):
    text, message = OTHERS[case]
    with pytest.raises(ModelError, match=message):
        formats_of(machine(program_of(TWINS, forms())), program_of(text, dict.fromkeys("xvabcdy", ANY)))


def test_other_extents_are_told_apart():
    texts = [f"net (float[n, {extent}] x) => (float[n, {extent}] y) {{ y = Relu (x) }}" for extent in (4, 5)]
    one, other = (program_of(text, dict.fromkeys("xy", ANY)) for text in texts)
    with pytest.raises(ModelError, match=r"\(5,\) of 1 in the graph, Requantize \(4,\) of 1 in the program"):
        formats_of(machine(one), other)


@pytest.mark.parametrize("name", "xvabcdy")
def test_formats_that_mean_other_numbers_are_told_apart(name):
    here = program_of(TWINS, forms())
    form = forms()[name]
    check_formats(machine(here), program_of(TWINS, forms(**{name: Format(8, False, form.scale, form.zero + 128)})))
    for other in (replace(form, bits=9), replace(form, scale=form.scale / 2), replace(form, zero=form.zero + 1)):
        with pytest.raises(ModelError, match=f"tensor '{name}': 8 bits, .* in the program, . bits, .* beside it"):
            check_formats(machine(here), program_of(TWINS, forms(**{name: other})))
