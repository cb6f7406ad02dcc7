"""A geometry is what its operator says, defaults included; the tests of patches show that it is right."""

import pytest
from common.networks import build, normal

from attar.graph import load
from attar.graph.geometry import Geometry, geometry


def read(op_type, attributes="", kernel=(3, 3)):
    weights = normal(4, 4, *kernel)
    places = ", ".join(f"d{axis}" for axis in range(len(kernel)))
    ends = places.replace("d", "e")
    text = f"c (float[n, 4, {places}] x) => (float[n, m, {ends}] y) {{ y = {op_type} {attributes} (x, w) }}"
    return geometry(load(build(text, {"w": weights})).graph[0], kernel)


def test_defaults():
    assert read("Conv") == Geometry((3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)), output_padding=(0, 0))


def test_everything_that_an_operator_says():
    words = "<strides = [2, 3], pads = [1, 2, 3, 4], dilations = [1, 2], group = 4, output_padding = [0, 1]>"
    found = read("ConvTranspose", words)
    assert found == Geometry((3, 3), (2, 3), (1, 2), ((1, 3), (2, 4)), "NOTSET", 4, True, (0, 1))


@pytest.mark.parametrize("auto_pad, begin", [("SAME_UPPER", 0), ("SAME_LOWER", 1), ("VALID", 0)])
def test_borders_that_the_input_decides(auto_pad, begin):
    found = read("Conv", f'<auto_pad = "{auto_pad}">', kernel=(2,))
    assert found.pads is None
    assert found.begin(0, 5) == begin
    assert found.output(0, 5) == (4 if auto_pad == "VALID" else 5)
