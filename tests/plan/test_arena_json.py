"""A plan survives its file, and a document that is not one ends in a PlanError, whatever it is."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from attar.errors import PlanError
from attar.plan.arena import plan_arena
from attar.plan.arena_json import Saved, from_json, to_json

from .programs import programs

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def saved(program):
    plan = plan_arena(program, effort=20)
    bits = {buffer.name: 8 for buffer in plan.buffers}
    return Saved(plan, bits, {"view": "t0"}, dict.fromkeys(program.inputs, (1, 3)))


@given(programs())
def test_a_plan_survives_its_file(program):
    before = saved(program)
    assert from_json(json.loads(json.dumps(to_json(before)))) == before


@given(programs(max_steps=2), st.data())
def test_any_other_value_anywhere_is_refused_or_read(program, data):
    document = to_json(saved(program))
    place = data.draw(st.sampled_from([document, *document["tensors"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)
    with contextlib.suppress(PlanError):
        from_json(document)


@given(JSON)
def test_what_is_no_plan_is_refused(document):
    with contextlib.suppress(PlanError):
        from_json(document)
        raise AssertionError
