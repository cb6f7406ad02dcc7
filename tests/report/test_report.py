"""The report as rows, as JSON and as text."""

import io
import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from compression import nets
from rich.console import Console

import attar
from attar.compression.verdict import Limit
from attar.graph import load
from attar.report.document import to_plain
from attar.report.layers import rows_of_file, rows_of_model
from attar.report.terminal import print_report, shape_text, size


@pytest.fixture(scope="module")
def network():
    return nets.classifier()


@pytest.fixture(scope="module")
def result(network):
    return attar.compress(network, data=nets.labelled(network), target_size=100, recipe=nets.BITS)


def printed(report):
    out = io.StringIO()
    print_report(report, Console(file=out, width=200, highlight=False))
    return out.getvalue()


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (9_999, "9,999 B"), (10_000, "10.0 kB"), (1_234_567, "1,234.6 kB"), (12_345_678, "12.35 MB")],
)
def test_sizes_for_people(count, text):
    assert size(count) == text


@pytest.mark.parametrize(("shape", "text"), [((), "scalar"), ((3,), "3"), ((5, 1, 3), "5x1x3")])
def test_shapes_for_people(shape, text):
    assert shape_text(shape) == text


def test_rows_count_what_numpy_counts(network, result):
    for row in rows_of_file(result.file):
        values = result.file.tensor(row.name)
        assert row.parameters == values.size and row.shape == values.shape
        assert row.sparsity == pytest.approx((values == 0).mean())
        assert row.distinct == len(set(values.ravel().tolist()))
        assert row.bits_per_weight == pytest.approx(8 * row.size_bytes / values.size)


def test_rows_of_a_file_sum_up_to_its_streams(result):
    assert sum(row.size_bytes for row in rows_of_file(result.file)) <= result.file.chunk_sizes["streams"]


def test_rows_of_an_onnx_file(network):
    rows = {row.name: row for row in rows_of_model(load(network))}
    assert list(rows) == list(nets.weights(network))
    assert rows["conv_weight"].op_type == "Conv" and rows["conv_weight"].macs == 6 * 9 * 36
    assert rows["fc1_bias"].macs is None
    assert rows["fc1_weight"].size_bytes == 4 * 24 * 216


def test_text_names_every_initializer(network, result):
    text = printed(result.report)
    changed = {change.name for change in result.report.changes}
    left = {name for name, _, _ in result.report.left_alone}
    assert changed | left == set(nets.weights(network))
    assert all(name in text for name in changed | left)


def test_text_states_size_drop_and_gap(result):
    text = printed(result.report)
    m = result.measurement
    assert f"({result.size_bytes:,} bytes)" in text
    assert f"top-1 {m.before:.2f} -> {m.after:.2f} on 100 samples" in text
    assert f"target-size 100 bytes: missed by {result.size_bytes - 100:,} bytes" in text


def test_text_of_an_undecided_limit(result):
    limit = Limit("max-drop", 0.5, 0.4, met=True, decided=False, samples_needed=12_000)
    text = printed(with_limits(result.report, limit))
    assert "max-drop 0.5 points: kept; undecided at 95 %: about 12,000 samples would decide it" in text


def test_text_of_a_limit_that_nothing_decides(result):
    limit = Limit("max-drop", 0.5, 0.5, met=True, decided=False)
    assert "no number of samples would decide it" in printed(with_limits(result.report, limit))


def with_limits(report, *limits):
    from dataclasses import replace

    return replace(report, limits=limits)


def test_names_with_brackets_are_printed_as_they_are():
    text = '<ir_version: 10, opset_import: ["" : 21]> g (float[n, 6] x) => (float[n, 4] y) { y = MatMul (x, w) }'
    net = nets.model(text, {"w": (6, 4)}, seed=0)
    net.graph.initializer[0].name = net.graph.node[0].input[1] = "layer[red]w[/red]"
    net.metadata_props.add(key="unused", value="")
    report = attar.compress(net, recipe="int8").report
    assert "layer[red]w[/red]" in printed(report)
    left = attar.compress(net, plan={}).report
    assert "layer[red]w[/red]" in printed(left)


def test_json_round_trip(result):
    document = result.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["ratio"] == result.report.fp32_bytes / result.size_bytes
    assert document["measurement"]["samples"] == 100 and "differences" not in document["measurement"]


def test_plain_values():
    @dataclass(frozen=True)
    class Inner:
        value: float
        differences: object = field(default=None, repr=False)

    given = {1: (np.float32(0.5), np.int64(3), float("inf"), np.float64("nan"), np.bool_(True)), "inner": Inner(2.0)}
    assert to_plain(given) == {"1": [0.5, 3, None, None, True], "inner": {"value": 2.0}}


def test_plain_values_of_any_precision():
    assert to_plain([np.float32("inf"), np.float16("nan")]) == [None, None]
