"""Layers that run slower kernels say why."""

import pytest
from common.networks import build, normal

from attar.graph import load
from attar.runtime.engine import KERNELS
from attar.runtime.engine.build import machine_of
from attar.runtime.engine.slower import why_slower
from attar.runtime.integer import Affine, calibrate, lower

BEST = KERNELS[-1]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ((BEST, 24, 8, (8, 8)), ""),
        ((BEST, 0, 0, (7, 5, 8)), ""),
        ((BEST, 33, 8, (8, 8)), "accumulators of 33 bits"),
        (
            (BEST, 40, 16, (16, 8, 4)),
            "accumulators of 40 bits, weights of 16 bits, numbers of 4 bits, numbers of 16 bits",
        ),
        (("ref", 20, 8, (8, 8)), "the plain kernel: no other takes it"),
    ],
)
def test_each_reason_is_told(facts, reason):
    assert why_slower(*facts, best=BEST) == reason
    assert why_slower("ref", 20, 8, (8, 8), best="ref") == ""


@pytest.mark.parametrize(
    ("scheme", "reason"), [(Affine(), ""), (Affine(16, 8), "numbers of 16 bits"), (Affine(8, 12), "weights of 12 bits")]
)
def test_a_machine_tells_them_in_order(scheme, reason):
    text = "net (float[n, 6] x) => (float[n, 3] y) { h = MatMul (x, v) r = Relu (h) y = MatMul (r, w) }"
    model = load(build(text, {"v": normal(6, 5), "w": normal(5, 3)}))
    program = lower(model, calibrate(model, {"x": normal(9, 6)}, scheme), scheme)
    found = machine_of(program).slower
    assert len(found) == len(program.operators) and all(reason in each for each in found)
    assert (reason != "") == any(found)
