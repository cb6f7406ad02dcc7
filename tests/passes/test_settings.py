"""JSON becomes a config or a RecipeError that names the step, the setting, the value and the limit; nothing else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attar.errors import RecipeError
from attar.numerics.channels import PerChannel
from attar.numerics.kmeans import Random
from attar.passes.catalog import CATALOG, config_from_json, config_to_json, technique_of
from attar.passes.quantize.uniform import Uniform
from attar.passes.settings import describe_field
from attar.passes.share.kmeans import KMeans

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [(name, field) for name, t in CATALOG.items() for field in t.config.__dataclass_fields__]


@given(field=st.sampled_from(FIELDS), value=JSON)
def test_any_value_makes_a_config_that_survives_json_or_a_recipe_error(field, value):
    name, setting = field
    try:
        config = config_from_json({"technique": name, setting: value})
    except RecipeError as error:
        assert f"{name}.{setting}" in str(error)
    else:
        assert config_from_json(config_to_json(config)) == config


REFUSED = [
    ({"technique": "quantize.unifrom"}, "unknown technique 'quantize.unifrom'; known: approximate.svd, "),
    ({}, "unknown technique None"),
    ({"technique": "quantize.uniform", "bit": 4}, "quantize.uniform: unknown setting 'bit'; known: bits, granularity"),
    ({"technique": "quantize.uniform", "bits": 9}, "quantize.uniform.bits is 9, outside 2 to 8"),
    ({"technique": "quantize.uniform", "bits": 4.5}, "quantize.uniform.bits is 4.5, not a whole number"),
    ({"technique": "quantize.uniform", "bits": math.nan}, "quantize.uniform.bits is nan, not a whole number"),
    ({"technique": "quantize.uniform", "bits": math.inf}, "quantize.uniform.bits is inf, not a whole number"),
    ({"technique": "quantize.uniform", "bits": True}, "quantize.uniform.bits is True, not a whole number"),
    ({"technique": "quantize.uniform", "bits": None}, "quantize.uniform.bits is None, not a whole number"),
    ({"technique": "prune.magnitude", "level": "0.5"}, "prune.magnitude.level is '0.5', not a number"),
    ({"technique": "prune.magnitude", "level": math.nan}, "prune.magnitude.level is nan, outside 0.0 to 1.0"),
    (
        {"technique": "quantize.uniform", "granularity": "per_row"},
        "granularity is 'per_row', not one of per_tensor, per_channel",
    ),
    ({"technique": "share.kmeans", "start": {"random": {"seed": -1}}}, "settings that are not whole numbers from 0 up"),
    ({"technique": "share.kmeans", "start": {"random": {"sead": 1}}}, "share.kmeans.start.random: .*'sead'"),
    ({"technique": "share.kmeans", "start": {"linear": {}, "density": {}}}, "not one of linear, density, random"),
]


@pytest.mark.parametrize("step, message", REFUSED)
def test_what_a_step_gets_wrong_is_named(step, message):
    with pytest.raises(RecipeError, match=message):
        config_from_json(step)


def test_choices_are_words_or_words_with_settings():
    assert config_from_json({"technique": "quantize.uniform", "granularity": "per_channel"}) == Uniform(
        granularity=PerChannel()
    )
    step = {"technique": "share.kmeans", "start": {"random": {"seed": 3}}}
    assert config_from_json(step) == KMeans(start=Random(seed=3))


def test_whole_floats_are_whole_numbers():
    config = config_from_json({"technique": "quantize.uniform", "bits": 4.0})
    assert config == Uniform(bits=4) and type(config.bits) is int


def test_a_stranger_is_no_config():
    with pytest.raises(RecipeError, match="no technique takes a config of type dict"):
        technique_of({"technique": "quantize.uniform"})


@pytest.mark.parametrize("name", CATALOG)
def test_every_setting_describes_itself_in_one_line(name):
    config = CATALOG[name].config
    for field in config.__dataclass_fields__.values():
        assert "(default " in describe_field(config, field) and "\n" not in describe_field(config, field)
    assert CATALOG[name].summary
