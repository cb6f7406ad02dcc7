"""A recipe of stages: one technique after another for the whole network, the evaluator E_c in charge (GE-1 to GE-6)."""

import dataclasses
import json

import numpy as np
import pytest

import attar
from attar.compression import activation_widths, in_stages
from attar.compression.budget import Budget
from attar.compression.recipe import load_recipe, read_named
from attar.compression.search import OutOfTime
from attar.compression.stage_options import difference
from attar.errors import BudgetError, ModelError, RecipeError
from attar.evaluate import mean_difference
from attar.export import to_onnx
from attar.graph import layer_macs
from attar.passes.approximate.svd import TruncatedSvd
from attar.passes.prune.integers import Integers
from attar.passes.quantize.fixed_point import FixedPoint
from attar.report.stages import held_by

from . import nets
from .test_along_slope import normed

DROP = 2.0  # points


def with_wide_integers(**pruning):
    """The recipe with integers of which small ones can go: of a few bits, every one of them matters."""
    document = read_named("ge2017")
    document["stages"][1]["step"]["bits"] = [10, 8, 7]
    document["stages"][2] |= pruning
    return document


RECIPE = with_wide_integers()


@pytest.fixture(scope="module")
def network():
    """A trained network: weights that nobody trained have no rank to save."""
    return nets.FASHION / "lenet_300_100.onnx"


@pytest.fixture(scope="module")
def labelled():
    with np.load(nets.FASHION / "calibration.npz") as file:
        return ((file["x"][::4] / 255 - 0.286) / 0.353).astype(np.float32), file["y"][::4]


@pytest.fixture(scope="module")
def run(network, labelled):
    return attar.compress(network, data=labelled, recipe=RECIPE, max_drop=DROP)


def rows(run):
    return {row.name: row for row in run.report.stages}


# --- what the stages do ---------------------------------------------------------------------------------------------


def test_every_stage_of_the_paper_has_its_row(run):
    names = ["original", "approximation", "quantization", "pruning", "coding", "attar's coders instead"]
    assert [row.name for row in run.report.stages] == names


def test_rows_are_counted_on_the_file(run):
    """Storage, weights left, multiplications: read back from the bytes that were written."""
    coding, model = rows(run)["coding"], run.file.model()
    assert coding.size_bytes == run.size_bytes
    names = [name for change in run.report.changes for name in (row.name for row in change.now)]
    names += [name for name, _, _ in run.report.left_alone if name in layer_macs(model)]
    assert coding.held == held_by(model, names)
    weights = sum(model.graph.initializers[name].const_value.size for name in names)
    assert coding.held.weights == weights


def test_each_stage_does_its_own_work(run):
    found = rows(run)
    order = ["original", "approximation", "quantization", "pruning"]
    held = [found[name].held for name in order]
    assert held[1].weights < held[0].weights == held[0].nonzero
    assert found["quantization"].bits_per_weight < found["approximation"].bits_per_weight == 32
    assert held[3].nonzero < held[2].nonzero <= held[2].weights == held[1].weights
    assert held[3].macs < held[2].macs <= held[1].macs < held[0].macs
    sizes = [found[name].size_bytes for name in (*order, "coding")]
    assert sizes == sorted(sizes, reverse=True)
    errors = [found[name].error for name in order]
    assert errors[0] < 1e-5 < errors[1] < errors[3]


def test_the_steps_of_a_layer_are_those_of_the_stages_in_their_order(run):
    kinds = ("approximate.svd", "quantize.fixed_point", "prune.integers")
    for steps in run.report.plan.values():
        taken = [kinds.index(step["technique"]) for step in steps]
        assert taken == sorted(set(taken))
    assert any(len(steps) == 3 for steps in run.report.plan.values())


def test_only_the_papers_coder_writes_the_file(run):
    """Relative index and Huffman codes; what is no integer of a fixed point has no such code."""
    coders = {row.coder for change in run.report.changes for row in change.now}
    assert coders <= {"grid/relative", "grid/packed"} and "grid/relative" in coders


def test_the_evaluator_follows_the_accuracy(run):
    assert run.report.search["error_rank_correlation"] > 0.5


def test_stages_end_within_their_shares(network, labelled, monkeypatch):
    loads = []
    real = in_stages.StageSearch._load

    def noted(search, layers, choices):
        loads.append(real(search, layers, choices))
        return loads[-1]

    monkeypatch.setattr(in_stages.StageSearch, "_load", noted)
    found = attar.compress(network, data=labelled, recipe=RECIPE, max_drop=DROP)
    assert min(loads) <= 0.5 and max(loads) > 0.5  # some were judged too far
    assert all(row.drop <= DROP for row in found.report.stages)


def test_the_plan_alone_gives_the_same_bytes_again(network, labelled, run):
    again = attar.compress(network, data=labelled, plan=run.to_json())
    assert again.data == run.data
    assert attar.compress(network, data=labelled, plan=again.to_json()).data == run.data


def test_a_plan_that_names_no_coders_takes_those_of_the_recipe(network, labelled, run):
    document = {name: value for name, value in run.to_json().items() if name != "coders"}
    assert attar.compress(network, data=labelled, recipe=RECIPE, plan=document).data == run.data
    assert attar.compress(network, data=labelled, plan=document).size_bytes < run.size_bytes


def test_a_plan_knows_that_batch_normalizations_were_folded():
    network, samples = normed(), {"x": np.random.default_rng(0).normal(size=(40, 3, 6, 6)).astype(np.float32)}
    recipe = {"version": 1, "stages": [GOOD | {"every_layer": True}], "coders": ["packed"]}
    found = attar.compress(network, data=samples, recipe=recipe, max_error=5)
    assert found.report.plan and found.report.norms_folded
    assert "BatchNormalization" not in {node.op_type for node in found.file.model().graph}
    assert attar.compress(network, data=samples, plan=found.to_json()).data == found.data


def test_the_same_seed_gives_the_same_bytes(network, labelled, run):
    assert attar.compress(network, data=labelled, recipe=RECIPE, max_drop=DROP, threads=1).data == run.data


def test_integers_are_those_of_a_fixed_point(run):
    for change in run.report.changes:
        for row in change.now:
            values = run.file.tensor(row.name).astype(np.float64)
            smallest = np.abs(values[values != 0]).min()
            step = 2.0 ** np.floor(np.log2(smallest))
            while (values / step % 1).any():
                step /= 2
            assert np.abs(values / step).max() <= 2**15


# --- memory for activations (GE-5) ----------------------------------------------------------------------------------


def test_memory_is_allocated_with_the_sum_of_bits_kept(run):
    found = run.report.allocation
    widths = [width.bits for width in found.widths]
    assert sum(widths) == 8 * len(widths)
    floats, uniform, allocated = found.uses
    assert [use.name for use in found.uses] == ["floats", "8 bits", "eq. 5"]
    assert allocated.shared_bytes == max(-(-w.bits * w.elements // 8) for w in found.widths)
    assert uniform.shared_bytes == max(w.elements for w in found.widths)
    assert allocated.shared_bytes <= uniform.shared_bytes < floats.shared_bytes
    assert allocated.traffic_bytes < floats.traffic_bytes
    assert allocated.weight_bytes == run.report.chunk_sizes["streams"]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (KeyboardInterrupt, "it was interrupted"),
        (OutOfTime, "the time limit was reached"),
        (ModelError("Sort"), "Sort"),
    ],
)
def test_a_file_is_not_lost_for_its_memory(network, labelled, monkeypatch, run, what, reason):
    def fails(*_):
        raise what

    monkeypatch.setattr(activation_widths, "solve", lambda *_, **__: fails())
    found = attar.compress(network, data=labelled, recipe=RECIPE, max_drop=DROP)
    assert found.data == run.data and found.report.allocation == reason


def test_a_search_that_takes_hours_is_not_begun(network, labelled, monkeypatch):
    monkeypatch.setattr(activation_widths, "MOST_MACS", 1e6)
    found = attar.compress(network, data=labelled, recipe=RECIPE, max_drop=DROP)
    assert "multiplications in integers, the limit is 1e+06" in found.report.allocation


def test_reports_become_json(run):
    document = json.loads(json.dumps(run.to_json()))
    assert len(document["stages"]) == 6 and document["stages"][0]["held"]["weights"]
    assert document["allocation"]["uses"][2]["shared_bytes"] == run.report.allocation.uses[2].shared_bytes


# --- ends -----------------------------------------------------------------------------------------------------------


def test_an_interrupt_keeps_what_earlier_stages_did(network, labelled, monkeypatch):
    real = in_stages.StageSearch._options

    def interrupted(search, stage):
        if stage.name == "quantization":
            raise KeyboardInterrupt
        return real(search, stage)

    monkeypatch.setattr(in_stages.StageSearch, "_options", interrupted)
    found = attar.compress(network, data=labelled, recipe=RECIPE, max_drop=DROP)
    assert found.report.search["stopped"] == "it was interrupted"
    taken = {step["technique"] for steps in found.report.plan.values() for step in steps}
    assert taken == {"approximate.svd"}


def test_a_time_limit_ends_it(network, labelled):
    found = attar.compress(network, data=labelled, recipe=RECIPE, max_drop=DROP, time_limit=0)
    assert found.report.search["stopped"] == "the time limit was reached" and found.measurement.drop == 0


def test_a_size_alone_tells_no_stage_how_far_to_go(network, labelled):
    with pytest.raises(BudgetError, match="recipe ge2017: its stages need a limit on quality"):
        attar.compress(network, data=labelled, recipe="ge2017", target_size=5000)


# --- the recipe -----------------------------------------------------------------------------------------------------


def test_the_recipe_is_the_papers():
    recipe = load_recipe("ge2017")
    assert [type(stage.options[0]) for stage in recipe.stages] == [TruncatedSvd, FixedPoint, Integers]
    assert [stage.cost for stage in recipe.stages] == ["weights", "bits", "macs"]
    assert recipe.coders == ("relative",) and recipe.memory and recipe.has_choice
    assert Budget(**recipe.budget) == Budget(max_drop=1.0)


GOOD = {"name": "q", "step": {"technique": "quantize.fixed_point", "bits": [8, 4]}, "cost": "bits", "share": 1}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"stages": []}, "'stages' must be a list of 1 to 16"),
        ({"stages": [GOOD] * 17}, "'stages' must be a list of 1 to 16"),
        ({"stages": [GOOD | {"share": 0}]}, "stage 1: share is 0"),
        ({"stages": [GOOD | {"share": True}]}, "stage 1: share is True"),
        ({"stages": [GOOD, GOOD | {"cost": "size"}]}, "stage 2: cost is 'size', not one of weights, bits, bytes, macs"),
        ({"stages": [GOOD | {"name": 1}]}, "stage 1: name is 1"),
        ({"stages": [GOOD | {"every_layer": 1}]}, "stage 1: every_layer is 1"),
        ({"stages": [GOOD | {"more": 1}]}, "stage 1: a stage is an object of cost, name, share, step"),
        ({"stages": [GOOD | {"step": {"technique": "quantize.none"}}]}, "quantize.none"),
        ({"stages": [GOOD], "steps": [GOOD["step"]]}, "give 'stages' alone"),
        ({"stages": [GOOD], "coders": ["zip"]}, "'coders' must be a list of packed, relative, rans, levels"),
        ({"stages": [GOOD], "memory": 1}, "'memory' is 1"),
        ({"steps": [GOOD["step"]], "memory": True}, "'memory' belongs to a recipe of stages"),
    ],
)
def test_what_is_no_recipe_of_stages(change, text):
    with pytest.raises(RecipeError, match=text):
        load_recipe({"version": 1} | change)


def test_a_stage_can_save_bytes(network, labelled):
    found = attar.compress(network, data=labelled, recipe=with_wide_integers(cost="bytes"), max_drop=DROP)
    pruned, quantized = rows(found)["pruning"].held, rows(found)["quantization"].held
    assert pruned.nonzero < quantized.nonzero and rows(found)["coding"].size_bytes < rows(found)["pruning"].size_bytes


def test_the_evaluator_takes_the_output_that_suffers_most():
    z, other = np.ones((4, 3)), np.full((4, 2), 2.0)
    assert difference([z, other], [z, other]) == 0
    assert difference([z, other], [1.1 * z, 1.5 * other]) == pytest.approx(mean_difference(other, 1.5 * other))


def test_held_counts_multiplications_by_what_is_not_zero(network):
    model = attar.load(network)
    macs = layer_macs(model)
    name = "fc1.weight"
    assert held_by(model, [name]).macs == macs[name]
    half = model.graph.initializers[name].const_value.numpy().copy()
    half.reshape(-1)[::2] = 0
    attar.graph.set_initializer(model, name, half)
    found = held_by(model, [name])
    assert found.nonzero == half.size // 2 and found.macs == pytest.approx(macs[name] / 2, abs=1)
    assert dataclasses.asdict(held_by(model, [])) == {"weights": 0, "nonzero": 0, "macs": 0}


def test_the_file_runs_elsewhere(run, network, labelled):
    images = labelled[0][:100]
    before, after = nets.run(network.read_bytes(), image=images)[0], nets.run(to_onnx(run.file), image=images)[0]
    assert mean_difference(before, after) == pytest.approx(rows(run)["coding"].error, rel=0.5)
