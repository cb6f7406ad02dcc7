"""The same network, data, recipe and seed give the same bytes; so does the plan that a run left behind."""

import numpy as np
import pytest

import attar

from . import nets

MIXED = {
    "version": 1,
    "alternatives": [
        [
            {"technique": "prune.magnitude", "level": [0.0, 0.5]},
            {"technique": "quantize.uniform", "bits": [3, 5, 8], "granularity": ["per_tensor", "per_channel"]},
            {"technique": "quantize.bias_correction"},
        ],
        [
            {"technique": "approximate.svd", "ratio": [0.5, 0.8]},
            {"technique": "quantize.uniform", "bits": [4, 6]},
        ],
        [{"technique": "share.kmeans", "clusters": [8, 16], "start": ["linear", "density", "random"]}],
    ],
}
BUDGETS = [{"max_drop": 4}, {"target_size": 3000}, {"max_error": 6}]


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda b: next(iter(b)))
def test_bytes_do_not_depend_on_threads_or_the_hour(network, labelled, budget):
    one, again, two = (
        attar.compress(network, data=labelled, recipe=MIXED, threads=threads, **budget) for threads in (1, 1, 2)
    )
    assert one.data == again.data == two.data
    assert one.report.plan == two.report.plan


def test_the_seed_decides_which_samples_judge(network, labelled):
    results = [attar.compress(network, data=labelled, recipe="int8", seed=seed) for seed in (0, 0, 1)]
    first, same, other = ([*r.measurement.differences.tolist(), r.measurement.before] for r in results)
    assert first == same != other


def test_a_recipe_s_seed_counts_unless_one_is_given(network, labelled):
    recipe = {**nets.BITS, "seed": 5}
    assert attar.compress(network, data=labelled, recipe=recipe).report.seed == 5
    assert attar.compress(network, data=labelled, recipe=recipe, seed=0).report.seed == 0


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda b: next(iter(b)))
def test_the_report_s_plan_gives_the_same_bytes(tmp_path, network, labelled, budget):
    first = attar.compress(network, data=labelled, recipe=MIXED, **budget)
    first.save(tmp_path / "m.attar")
    again = attar.compress(network, data=labelled, recipe=MIXED, plan=tmp_path / "m.attar.json")
    assert again.data == first.data
    assert again.measurement.drop == first.measurement.drop


def test_an_edited_plan_is_carried_out(network, result):
    plan = result.to_json()["plan"]
    edited = {"fc1_weight": [{"technique": "quantize.uniform", "bits": 2}]}
    again = attar.compress(network, plan={**plan, **edited})
    assert len(np.unique(again.file.tensor("fc1_weight"))) <= 3


def test_the_network_given_is_not_touched(network, labelled):
    before = network.SerializeToString(deterministic=True)
    attar.compress(network, data=labelled, recipe=MIXED, max_drop=5)
    assert network.SerializeToString(deterministic=True) == before


def test_however_it_was_given(tmp_path, network):
    import onnx_ir as ir

    path = nets.write(tmp_path / "m.onnx", network)
    results = [attar.compress(m, recipe="int8").data for m in (network, path, str(path), ir.from_proto(network))]
    assert len(set(results)) == 1
