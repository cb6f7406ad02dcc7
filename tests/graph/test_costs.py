"""Multiply-accumulates of layers small enough to count by hand."""

from common import networks
from common.networks import build, normal

from attar.graph import layer_macs, load, serialize


def test_convolutions_count_positions_times_weights():
    assert layer_macs(load(networks.conv_net())) == {"point": 64 * 18, "square": 64 * 432, "fc": 40}


def test_groups_and_borders_are_counted():
    assert layer_macs(load(networks.grouped_conv())) == {"grouped": 36 * 108, "depthwise": 16 * 54}


def test_a_transposed_convolution_counts_its_input():
    assert layer_macs(load(networks.transposed_conv())) == {"up": 25 * 96}


def test_products_count_rows_and_heads_once():
    # (2 heads x 7 rows), (2 heads x 7 rows) with a matrix a head, (9 x 7) times 2 heads x 6 columns
    expected = {"shared_by_heads": 14 * 120, "of_heads": 14 * 60, "left": 2 * 6 * 63}
    assert layer_macs(load(networks.matmul())) == expected


def test_weights_read_twice_count_twice():
    assert layer_macs(load(networks.shared()))["twice"] == 2 * 64


def test_an_unknown_extent_gives_none():
    free = build("f (float[n, 3, h, 9] x) => (float[n, 2, h, 9] y) { y = Conv (x, w) }", {"w": normal(2, 3, 1, 1)})
    assert layer_macs(load(free)) == {"w": None}


def test_counting_leaves_the_network_alone():
    model = load(networks.conv_net())
    before = serialize(model)
    layer_macs(model)
    assert serialize(model) == before
