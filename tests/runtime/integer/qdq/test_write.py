"""What `to_qdq` writes is standard ONNX, answers as the oracle within a step a layer, and reads back as it was."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from common.networks import normal
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.graph import load
from attar.runtime import Session
from attar.runtime.integer import Affine, FixedPoint, KeepSign, MinMax, calibrate, lower, run
from attar.runtime.integer.qdq import from_qdq, to_qdq

from ..test_networks import prepared, random_network
from .equal import assert_same_program
from .quantized import LEVELS, answers, differences, layer_differences

IMAGES = 300
SCHEMES = (Affine(), FixedPoint(), FixedPoint(non_negative=KeepSign()), Affine(16), Affine(4, 4), FixedPoint(5, 5))
SCHEMES += (FixedPoint(12, 12), Affine(7, 3), Affine(2, 2), FixedPoint(3, 16))
WIDE = "weight_bits", "accumulator_bits"  # of weights that use fewer bits than they were given


def checked(model: ir.Model) -> ir.Model:
    """Check a model with ONNX's own checker, and that a session opens on it."""
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    Session(model, threads=1)
    return model


def written(proto: onnx.ModelProto, feeds: dict, scheme):
    """Return the program of a network calibrated on `feeds`, and the same as a QDQ model."""
    model = load(proto)
    formats = calibrate(model, feeds, scheme, method=MinMax(), threads=1)
    return lower(model, formats, scheme), checked(to_qdq(model, formats, scheme))


DEEPER = [pytest.param("vgg_small", scheme, marks=pytest.mark.slow) for scheme in SCHEMES[:2]]


@pytest.mark.parametrize(
    ("name", "scheme"), [(name, scheme) for name in ("lenet_300_100", "lenet5") for scheme in SCHEMES] + DEEPER, ids=str
)
def test_the_demo_networks_answer_as_the_oracle_and_come_back(name, scheme):
    network, samples, judged, _ = prepared(name)
    formats = calibrate(network, samples, scheme, threads=1)
    program, model = lower(network, formats, scheme), checked(to_qdq(network, formats, scheme))
    feeds = {"image": judged.inputs["image"][:IMAGES]}
    ours = run(program, feeds).outputs["logits"].argmax(1)
    coarse = min(tensor.format.bits for tensor in program.tensors.values()) < 8
    for level in LEVELS:
        theirs = answers(model, feeds, level)["logits"].argmax(1)
        assert np.mean(ours == theirs) >= (0.93 if coarse else 0.99)  # a step of 5 bits changes many an answer
        assert np.abs(differences(program, model, feeds, level)["logits"]).max() <= (3 if name == "vgg_small" else 1)
    assert max(layer_differences(program, model, {"image": feeds["image"][:50]}).values()) <= 1
    assert_same_program(from_qdq(model), program, but=WIDE if scheme.weight_bits > 4 else ())


@given(st.integers(0, 2**32 - 1), st.sampled_from([scheme for scheme in SCHEMES if scheme.activation_bits <= 12]))
@settings(max_examples=20, deadline=None)
def test_random_networks_come_back(seed, scheme):
    program, model = written(random_network(seed), {"x": normal(8, 3, 8, 8, seed=seed)}, scheme)
    assert_same_program(from_qdq(model), program, but=WIDE)
    assert max(layer_differences(program, model, {"x": normal(8, 3, 8, 8, seed=seed + 1)}).values()) <= 1
