"""Recipes: the named ones load, and every defect has its message."""

import json
import re

import pytest

import attar
from attar.compression.recipe import load_plan, load_recipe, named_recipes
from attar.errors import RecipeError
from attar.passes.quantize.uniform import Uniform

from . import nets

STEP = {"technique": "quantize.uniform", "bits": 4}


def recipe(**fields):
    return {"version": 1, "steps": [STEP], **fields}


@pytest.mark.parametrize("name", named_recipes())
def test_recipes_that_come_with_attar_work(network, labelled, name):
    result = attar.compress(network, data=labelled, recipe=name, max_drop=20, time_limit=1)
    assert result.report.recipe == name
    assert result.size_bytes < result.report.fp32_bytes


def test_the_default_is_among_them():
    assert {"default", "candidates", "int8", "deep_compression"} <= set(named_recipes())


def test_listed_settings_are_combined():
    steps = [{"technique": "prune.magnitude", "level": [0, 0.5, 0.7]}, {**STEP, "bits": [3, 4]}]
    chains = load_recipe(recipe(steps=steps)).chains
    assert len(set(chains)) == 6


def test_alternatives_are_added():
    alternatives = [[{**STEP, "bits": [3, 4]}], [{"technique": "share.kmeans", "clusters": [4, 8, 16]}]]
    assert len(load_recipe({"version": 1, "alternatives": alternatives}).chains) == 5


def test_single_settings_leave_no_choice():
    assert not load_recipe(recipe()).has_choice


def test_a_list_of_configs_is_a_recipe(network):
    result = attar.compress(network, recipe=[Uniform(bits=4)])
    assert {steps[0]["bits"] for steps in result.report.plan.values()} == {4}


def test_a_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(recipe(seed=7)))
    loaded = load_recipe(path)
    assert (loaded.name, loaded.seed) == ("mine", 7)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"steps": [STEP]}, "recipe given: version None; this attar reads version 1"),
        (recipe(version=2), "version 2"),
        (recipe(stepps=[]), "unknown field 'stepps'"),
        ({"version": 1}, "give either 'steps' or 'alternatives'"),
        (recipe(alternatives=[[STEP]]), "give either 'steps' or 'alternatives'"),
        ({"version": 1, "alternatives": []}, "'alternatives' is empty"),
        ({"version": 1, "alternatives": [[STEP], []]}, "steps must be a list with at least one step"),
        ({"version": 1, "alternatives": {}}, "steps must be a list"),
        ({"version": 1, "stages": []}, "'stages' must be a list of 1 to"),
        ([], "without a single config"),
        (recipe(steps=[]), "steps must be a list with at least one step"),
        (recipe(steps=STEP), "steps must be a list"),
        (recipe(steps=["quantize.uniform"]), "a step is an object with a technique and settings"),
        (recipe(steps=[{}]), "unknown technique None; known: approximate.svd"),
        (recipe(steps=[{"technique": "quantize.magic"}]), "unknown technique 'quantize.magic'"),
        (recipe(steps=[{"technique": {}}]), "unknown technique {}"),
        (recipe(steps=[{**STEP, "bit": 3}]), "quantize.uniform: unknown setting 'bit'; known: bits"),
        (recipe(steps=[{**STEP, "bits": 9}]), "quantize.uniform.bits is 9, outside 2 to 8"),
        (recipe(steps=[{**STEP, "bits": 3.5}]), "quantize.uniform.bits is 3.5, not a whole number"),
        (recipe(steps=[{**STEP, "bits": True}]), "bits is True, not a whole number"),
        (recipe(steps=[{**STEP, "bits": "four"}]), "bits is 'four', not a whole number"),
        (recipe(steps=[{**STEP, "bits": float("inf")}]), "bits is inf"),
        (recipe(steps=[{**STEP, "bits": []}]), "an empty list of values"),
        (recipe(steps=[{**STEP, "granularity": "per_pixel"}]), "granularity is 'per_pixel', not one of per_tensor"),
        (recipe(steps=[{**STEP, "granularity": {"per_channel": {"depth": 1}}}]), "granularity.per_channel"),
        (recipe(steps=[{"technique": "prune.magnitude", "level": 1.5}]), "level is 1.5, outside 0.0 to 1.0"),
        (recipe(steps=[{"technique": "prune.magnitude", "level": [i / 200 for i in range(200)]}] * 2), "40000 comb"),
        (recipe(budget=[]), "'budget' must be an object"),
        (recipe(seed="lucky"), "seed is 'lucky'"),
        (recipe(seed=-1), "seed is -1"),
        (recipe(seed=True), "seed is True"),
    ],
)
def test_unusable_recipes(document, message):
    with pytest.raises(RecipeError, match=re.escape(message)) as caught:
        load_recipe(document)
    assert "\n" not in str(caught.value)


def test_a_step_with_endless_combinations_is_refused_before_they_are_built():
    many = [i / 1e4 for i in range(10_000)]
    with pytest.raises(RecipeError, match="100000000 combinations"):
        load_recipe(recipe(steps=[{"technique": "prune.magnitude", "level": many, "quality": many}]))


UNREADABLE = {
    "half an object": (b"{", "cannot be read"),
    "a list": (b"[]", "holds list, not an object"),
    "not text": (b"\xff", "cannot be read"),
    "deep": (b"[" * 10**5, "cannot be read"),
    "not a number": (b'{"version": NaN}', "NaN is not a number"),
    "nothing": (b"", "cannot be read"),
}


@pytest.mark.parametrize(("content", "message"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("load", [load_recipe, load_plan])
def test_unreadable_files(tmp_path, load, content, message):
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=message):
        load(str(path))


def test_no_such_recipe():
    with pytest.raises(
        RecipeError,
        match="no recipe 'better': neither a file nor one of candidates, deep_compression, default, ge2017, int8",
    ):
        load_recipe("better")


def test_an_object_that_is_no_config(network):
    with pytest.raises(RecipeError, match="no technique takes a config of type dict"):
        attar.compress(network, recipe=[{"technique": "quantize.uniform"}])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"plan": []}, "a plan is an object of layer names and lists of steps"),
        ({"fc1_weight": STEP}, "a plan is an object of layer names and lists of steps"),
        ({"fc1_weight": [{"technique": "magic"}]}, "unknown technique 'magic'"),
        ({"fc1_weight": [{**STEP, "bits": 40}]}, "outside 2 to 8"),
        ({"fc1_weight": [4]}, "a step is an object"),
        ({"plan": {}, "coders": "relative"}, "plan: 'coders' must be a list of packed, relative, rans, levels, not"),
        ({"plan": {}, "coders": ["zip"]}, "plan: 'coders' must be a list of"),
        ({"plan": {}, "coders": [["relative"]]}, "plan: 'coders' must be a list of"),
        ({"plan": {}, "coders": {"relative": 1}}, "plan: 'coders' must be a list of"),
        ({"plan": {}, "norms_folded": 1}, "plan: 'norms_folded' is 1, not true or false"),
        ({"plan": {}, "seed": -1}, "plan: seed is -1"),
    ],
)
def test_unusable_plans(document, message):
    with pytest.raises(RecipeError, match=re.escape(message)):
        load_plan(document)


def test_a_plan_for_another_network(network):
    with pytest.raises(RecipeError, match="the plan names layer 'fc9'; the network has: conv_weight, fc1_weight"):
        attar.compress(network, plan={"fc9": [STEP]})


def test_a_missing_plan_file(network):
    with pytest.raises(RecipeError, match="cannot be read"):
        attar.compress(network, plan="nowhere.json")


def test_mixed_recipe_is_named_after_its_object():
    assert load_recipe(nets.BITS).name == "bits"
