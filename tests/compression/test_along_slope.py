"""The recipe `default`: rate-distortion quantization along one slope, and its promises on networks of every kind."""

import json

import numpy as np
import pytest
from common.networks import build, normal
from onnx import numpy_helper

import attar
from attar.compression import along_slope, verb
from attar.compression.judge import Judge
from attar.compression.walk import Walk
from attar.evaluate import Task, compare
from attar.export import to_onnx

from . import nets
from .test_interrupt import interrupt_at

RNG = np.random.default_rng(0)


def data(*shape, seed=1, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


# --- networks of every kind -----------------------------------------------------------------------------------------


def matmul_add():
    text = """m (float[n, 24] x) => (float[n, 8] y) {
        a = MatMul (x, w1)  b = Add (a, b1)  c = Relu (b)  d = MatMul (c, w2)  y = Add (d, b2)
    }"""
    return build(text, {"w1": normal(24, 40) / 5, "b1": normal(40), "w2": normal(40, 8) / 6, "b2": normal(8)})


def residual():
    text = """r (float[n, 8, 6, 6] x) => (float[n, 5] y) {
        a = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)  b = Relu (a)
        c = Conv <pads = [1, 1, 1, 1]> (b, w2, b2)  d = Add (x, c)  e = Relu (d)
        f = GlobalAveragePool (e)  g = Flatten (f)  y = Gemm <transB = 1> (g, w3, b3)
    }"""
    weights = {"w1": normal(8, 8, 3, 3) / 8, "b1": normal(8), "w2": normal(8, 8, 3, 3, seed=1) / 8, "b2": normal(8)}
    return build(text, {**weights, "w3": normal(5, 8), "b3": normal(5)})


def normed():
    """Two convolutions with a batch normalization each."""
    text = """n (float[n, 3, 6, 6] x) => (float[n, 6, 6, 6] y) {
        a = Conv <pads = [1, 1, 1, 1]> (x, w1)  b = BatchNormalization (a, s1, t1, m1, v1)  c = Relu (b)
        d = Conv <pads = [1, 1, 1, 1]> (c, w2)  y = BatchNormalization (d, s2, t2, m2, v2)
    }"""
    norms = {f"{k}{i}": normal(6, seed=10 * i + j) for i in (1, 2) for j, k in enumerate("stm")}
    variances = {f"v{i}": np.square(normal(6, seed=i)) + 0.5 for i in (1, 2)}
    return build(text, {"w1": normal(6, 3, 3, 3) / 5, "w2": normal(6, 6, 3, 3) / 7, **norms, **variances})


def half():
    text = """h (float16[n, 24] x) => (float16[n, 8] y) {
        a = Gemm <transB = 1> (x, w1, b1)  b = Relu (a)  y = MatMul (b, w2)
    }"""
    weights = {"w1": normal(40, 24) / 5, "b1": normal(40), "w2": normal(40, 8) / 6}
    return build(text, {name: values.astype(np.float16) for name, values in weights.items()})


def fixed_batch():
    text = "f (float[4, 24] x) => (float[4, 8] y) { a = MatMul (x, w1)  b = Tanh (a)  y = MatMul (b, w2) }"
    return build(text, {"w1": normal(24, 40) / 5, "w2": normal(40, 8) / 6})


def several():
    """Two inputs, two outputs of different sizes."""
    text = """s (float[n, 16] x, float[n, 2, 12] z) => (float[n, 8] y, float[n, 2, 5] u) {
        a = MatMul (x, w1)  b = MatMul (z, w2)  c = ReduceMean <keepdims = 0> (b, axes)  y = Add (a, c)
        d = Tanh (b)  u = MatMul (d, w3)
    }"""
    weights = {"w1": normal(16, 8), "w2": normal(12, 8), "w3": 30 * normal(8, 5), "axes": np.array([1])}
    return build(text, weights)


def recurrent():
    text = """l (float[n, 7, 12] x) => (float[n, 4] y) {
        t = Transpose <perm = [1, 0, 2]> (x)
        all, last = LSTM <hidden_size = 10> (t, w, r, b)
        h = Squeeze (last, axes)  y = Gemm <transB = 1> (h, fc, fc_bias)
    }"""
    weights = {"w": normal(1, 40, 12) / 3, "r": normal(1, 40, 10) / 3, "b": normal(1, 80) / 3}
    return build(text, {**weights, "axes": np.array([0]), "fc": normal(4, 10), "fc_bias": normal(4)})


def embedded():
    text = """e (int64[n, 5] i) => (float[n, 5, 6] y) {
        h = Gather (table, i)  a = MatMul (h, w)  b = Tanh (a)  y = MatMul (b, v)
    }"""
    return build(text, {"table": normal(60, 16), "w": normal(16, 24) / 4, "v": normal(24, 6) / 5})


def lookups():
    """No layer whose inputs can be seen."""
    text = """t (int64[n, 5] i, int64[n, 5] j) => (float[n, 5, 16] y) {
        a = Gather (one, i)  b = Gather (two, j)  y = Add (a, b)
    }"""
    return build(text, {"one": normal(60, 16), "two": normal(40, 16, seed=1)})


def dynamic():
    """Any height and width."""
    text = """d (float[n, 2, h, w] x) => (float[n, 3, h, w] y) {
        a = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)  b = Relu (a)  y = Conv (b, w2, b2)
    }"""
    return build(text, {"w1": normal(9, 2, 3, 3) / 3, "b1": normal(9), "w2": normal(3, 9, 1, 1) / 3, "b2": normal(3)})


def integers(top, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, top, shape)


KINDS = {
    "matmul_add": (matmul_add, lambda n: {"x": data(n, 24)}),
    "residual": (residual, lambda n: {"x": data(n, 8, 6, 6)}),
    "normed": (normed, lambda n: {"x": data(n, 3, 6, 6)}),
    "half": (half, lambda n: {"x": data(n, 24, dtype=np.float16)}),
    "fixed_batch": (fixed_batch, lambda n: {"x": data(n, 24)}),
    "several": (several, lambda n: {"x": data(n, 16), "z": data(n, 2, 12, seed=2)}),
    "recurrent": (recurrent, lambda n: {"x": data(n, 7, 12)}),
    "embedded": (embedded, lambda n: {"i": integers(60, n, 5)}),
    "lookups": (lookups, lambda n: {"i": integers(60, n, 5), "j": integers(40, n, 5, seed=1)}),
    "dynamic": (dynamic, lambda n: {"x": data(n, 2, 9, 7)}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
UNSEEN = {"embedded": {"table"}, "lookups": {"one", "two"}}


def layers_of(network):
    return {t.name for t in network.graph.initializer if len(t.dims) > 1 and t.name not in ("b", "axes")}


def outputs(network, inputs):
    return nets.run(network, **inputs)


@every_kind
def test_the_output_error_is_kept(kind):
    builder, samples = KINDS[kind]
    network, inputs = builder(), samples(600)
    result = attar.compress(network, data=inputs, max_error=5)
    assert set(result.report.plan) == layers_of(network)
    # Used up, and on samples never seen before kept within their uncertainty: the search allows one standard error.
    assert 3.5 < result.measurement.relative_error <= 5.6
    assert result.met == (result.measurement.relative_error <= 5)
    assert result.size_bytes < 0.6 * result.report.fp32_bytes + 600
    assert result.report.search["stopped"] is None
    some = {name: values[:4] for name, values in samples(8).items()}
    for before, after in zip(outputs(network, some), outputs(to_onnx(result.file), some), strict=True):
        assert before.shape == after.shape and before.dtype == after.dtype


@every_kind
def test_a_saved_plan_gives_the_same_bytes(tmp_path, kind):
    builder, samples = KINDS[kind]
    network, inputs = builder(), samples(96)
    first = attar.compress(network, data=inputs, max_error=5)
    first.save(tmp_path / "m.attar")
    again = attar.compress(network, data=inputs, max_error=5, plan=tmp_path / "m.attar.json")
    assert again.data == first.data
    assert again.measurement.relative_error == first.measurement.relative_error


@every_kind
def test_without_samples_every_layer_is_rounded_all_the_same(kind):
    network = KINDS[kind][0]()
    result = attar.compress(network)
    assert result.measurement is None and result.limits == () and result.met
    assert set(result.report.plan) == layers_of(network)
    assert result.report.declined == ()
    assert attar.compress(network, plan=result.to_json()).data == result.data


@every_kind
def test_threads_change_nothing(kind):
    builder, samples = KINDS[kind]
    one, two = (attar.compress(builder(), data=samples(48), max_error=5, threads=threads) for threads in (1, 2))
    assert one.data == two.data and one.report.plan == two.report.plan


def test_every_output_keeps_the_limit_by_itself():
    """One output is thirty times as large as the other."""
    network, inputs = several(), KINDS["several"][1](400)
    result = attar.compress(network, data=inputs, max_error=5)
    for before, after in zip(outputs(network, inputs), outputs(to_onnx(result.file), inputs), strict=True):
        assert np.linalg.norm(after - before) <= 0.06 * np.linalg.norm(before)


# --- budgets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"max_drop": 3}, lambda m: m.drop <= 3),
        ({"max_drop": 0}, lambda m: m.drop <= 0),
        ({"min_agreement": 97}, lambda m: m.agreement >= 97),
        ({"min_agreement": 100}, lambda m: m.agreement >= 100),
        ({"max_error": 4}, lambda m: m.relative_error <= 4),
        ({"max_error": 0.1}, lambda m: m.relative_error <= 0.1),
    ],
)
def test_a_limit_is_met_exactly_where_the_file_keeps_it(network, asked, kept):
    verdict = nets.images(300, seed=9)
    result = attar.compress(network, data=nets.images(400), eval_data=verdict, task="classify", **asked)
    (limit,) = result.limits
    outputs = [nets.run(net, image=verdict) for net in (network, to_onnx(result.file))]
    measured = compare(*outputs, None, task=Task("classify", "", nets.CLASSES), metric=None)
    assert limit.met == result.met == kept(measured)
    assert (limit.gap == 0) == limit.met


def test_nothing_asked_is_the_default_budget(network, labelled):
    result = attar.compress(network, data=labelled)
    assert result.report.budget == {"max_drop": 0.5} and result.report.budget_is_default
    assert result.report.recipe == "default"


@pytest.mark.parametrize("samples", [True, False], ids=["seen", "unseen"])
@pytest.mark.parametrize("target", [2000, 3000, 5000])
def test_a_target_size_is_kept_and_used(network, labelled, samples, target):
    result = attar.compress(network, data=labelled if samples else None, target_size=target)
    assert result.met and 0.9 * target <= result.size_bytes <= target


@pytest.mark.parametrize("samples", [True, False], ids=["seen", "unseen"])
def test_an_impossible_target_gives_a_small_file_and_the_gap(network, labelled, samples):
    result = attar.compress(network, data=labelled if samples else None, target_size=100)
    (limit,) = result.limits
    assert not result.met and limit.gap == result.size_bytes - 100
    assert result.size_bytes < 1500


def test_more_bytes_buy_less_damage(network, labelled):
    small, large = (attar.compress(network, data=labelled, target_size=t) for t in (1500, 4000))
    assert large.measurement.relative_error < small.measurement.relative_error


def test_both_kinds_of_budget_together(network, labelled):
    result = attar.compress(network, data=labelled, max_error=5, target_size=100)
    assert [(limit.name, limit.met) for limit in result.limits] == [("target-size", False), ("max-error", True)]


def test_a_limit_that_no_grid_keeps_leaves_the_network_as_it_is(network):
    result = attar.compress(network, data=nets.images(40), max_error=0)
    assert result.met and result.report.plan == {}
    original = nets.weights(network)
    assert all(np.array_equal(values, original[name]) for name, values in result.file.tensors())


def test_it_takes_fewer_bytes_than_a_search_among_candidates(network):
    asked = {"data": nets.images(200), "max_error": 5}
    assert (
        attar.compress(network, **asked).size_bytes < attar.compress(network, recipe="candidates", **asked).size_bytes
    )


# --- the same every time --------------------------------------------------------------------------------------------


BUDGETS = [{"max_drop": 4}, {"target_size": 3000}, {"max_error": 6}]


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda b: next(iter(b)))
def test_bytes_do_not_depend_on_threads_or_the_hour(network, labelled, budget):
    one, again, two = (attar.compress(network, data=labelled, threads=threads, **budget) for threads in (1, 1, 2))
    assert one.data == again.data == two.data
    assert one.report.plan == two.report.plan


def test_another_seed_is_another_run_and_the_same_seed_the_same(network, labelled):
    first, same, other = (attar.compress(network, data=labelled, max_error=6, seed=seed) for seed in (3, 3, 4))
    assert first.data == same.data != other.data


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda b: next(iter(b)))
def test_the_report_s_plan_gives_the_same_bytes(network, labelled, budget):
    first = attar.compress(network, data=labelled, **budget)
    again = attar.compress(network, data=labelled, plan=json.loads(json.dumps(first.to_json())), **budget)
    assert again.data == first.data
    assert again.measurement.drop == first.measurement.drop


def test_a_plan_of_another_network_is_refused(network, labelled):
    step = {"technique": "quantize.rate_distortion"}
    with pytest.raises(attar.RecipeError, match="the plan names layer 'fc9'"):
        attar.compress(network, data=labelled, plan={"fc9": [step], "fc1_weight": [step]})


def test_an_edited_plan_is_carried_out(network, labelled):
    plan = attar.compress(network, data=labelled, max_error=5).to_json()["plan"]
    (rounding, *rest) = plan["fc1_weight"]
    edited = {**plan, "fc1_weight": [{**rounding, "slope": 1e3 * rounding["slope"]}, *rest]}
    coarse, fine = (attar.compress(network, data=labelled, plan=p) for p in (edited, plan))
    levels = [len(np.unique(result.file.tensor("fc1_weight"))) for result in (coarse, fine)]
    assert 1 < levels[0] < levels[1] and coarse.size_bytes < fine.size_bytes


def test_the_network_given_is_not_touched(labelled):
    network = normed()
    before = network.SerializeToString(deterministic=True)
    attar.compress(network, data=KINDS["normed"][1](40), max_error=5)
    attar.compress(network)
    assert network.SerializeToString(deterministic=True) == before


# --- who takes part -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [True, False], ids=["seen", "unseen"])
@pytest.mark.parametrize(
    ("patterns", "treated"),
    [
        ({"only": ["fc1_weight"]}, {"fc1_weight"}),
        ({"exclude": ["conv*"]}, {"fc1_weight", "fc2_weight"}),
        ({"only": ["*_weight"], "exclude": ["fc?_*"]}, {"conv_weight"}),
        ({"exclude": ["*"]}, set()),
    ],
)
def test_layers_that_are_left_out_stay_bit_for_bit_biases_too(network, labelled, samples, patterns, treated):
    budget = {"data": labelled, "max_error": 5} if samples else {}
    result = attar.compress(network, **budget, **patterns)
    assert set(result.report.plan) == treated
    original, stems = nets.weights(network), {name.split("_")[0] for name in treated}
    for name, values in result.file.tensors():
        assert np.array_equal(values, original[name]) or name.split("_")[0] in stems, name
    for name in treated:
        assert not np.array_equal(result.file.tensor(name), original[name])
    reasons = {name: reason for name, _, reason in result.report.left_alone}
    for name in {"conv_weight", "fc1_weight", "fc2_weight"} - treated:
        assert reasons[name] in ("not among --only", "named by --exclude")


@pytest.mark.parametrize("samples", [True, False], ids=["seen", "unseen"])
def test_batch_normalizations_go_with_their_layers(samples):
    network = normed()
    budget = {"data": KINDS["normed"][1](80), "max_error": 5} if samples else {}
    file = attar.compress(network, exclude=["w2"], **budget).file
    names, original = {entry.name for entry in file.entries}, nets.weights(network)
    assert not {"s1", "m1", "v1"} & names  # folded
    for name in ("w2", "s2", "t2", "m2", "v2"):
        np.testing.assert_array_equal(file.tensor(name), original[name])


def test_what_is_left_out_of_a_plan_stays(network, labelled):
    plan = attar.compress(network, data=labelled, max_error=5).to_json()["plan"]
    del plan["fc1_weight"]
    result = attar.compress(network, data=labelled, plan=plan)
    np.testing.assert_array_equal(result.file.tensor("fc1_weight"), nets.weights(network)["fc1_weight"])


@pytest.mark.parametrize("name", ["conv_weight", "fc1_weight", "fc2_weight"])
@pytest.mark.parametrize("samples", [True, False], ids=["seen", "unseen"])
def test_a_layer_of_zeros_harms_nobody(name, samples):
    network = nets.classifier(hidden=64)
    zeros = next(tensor for tensor in network.graph.initializer if tensor.name == name)
    zeros.CopyFrom(numpy_helper.from_array(0 * numpy_helper.to_array(zeros), name))
    result = attar.compress(network, **({"data": nets.images(100), "max_error": 5} if samples else {}))
    assert result.met and not result.file.tensor(name).any()
    assert set(result.report.plan) == {"conv_weight", "fc1_weight", "fc2_weight"} - {name}


def test_a_layer_that_nothing_depends_on_harms_nobody():
    text = """d (float[n, 64] x) => (float[n, 8] y) {
        a = MatMul (x, dead)  b = Mul (a, zero)  c = MatMul (x, live)  d = Add (c, b)  unread = MatMul (x, lost)
        e = Relu (d)  y = MatMul (e, last)
    }"""
    square = {name: normal(64, 64, seed=i) / 8 for i, name in enumerate(("dead", "live", "lost"))}
    network = build(text, {**square, "zero": np.zeros(1, np.float32), "last": normal(64, 8) / 8})
    result = attar.compress(network, data=data(200, 64), max_error=5)
    assert result.met
    sizes = {change.name: sum(row.size_bytes for row in change.now) for change in result.report.changes}
    assert max(sizes["dead"], sizes["lost"]) < 0.5 * sizes["live"]


# --- ended early ----------------------------------------------------------------------------------------------------


def check(result, why):
    assert result.report.search["stopped"] == why
    attar.open(result.data).file.check()
    assert len(nets.run(to_onnx(result.file), image=nets.images(3))[0]) == 3


@pytest.mark.parametrize("call", [1, 3, 4])  # of three layers measured, then the first of the first network
@pytest.mark.parametrize("budget", BUDGETS, ids=lambda b: next(iter(b)))
def test_interrupted_before_the_first_network_it_is_left_exact(monkeypatch, network, labelled, call, budget):
    interrupt_at(monkeypatch, Walk, "weights", call)
    result = attar.compress(network, data=labelled, **budget)
    check(result, "it was interrupted")
    assert result.report.plan == {}


@pytest.mark.parametrize("call", [2, 3])
@pytest.mark.parametrize("budget", BUDGETS, ids=lambda b: next(iter(b)))
def test_interrupted_later_the_best_so_far_is_kept(monkeypatch, network, labelled, call, budget):
    interrupt_at(monkeypatch, Judge, "outputs_of", call)
    result = attar.compress(network, data=labelled, **budget)
    check(result, "it was interrupted")
    assert len(result.report.search["curve"]) >= call - 1


def test_interrupted_in_the_middle_of_a_walk(monkeypatch, network, labelled):
    interrupt_at(monkeypatch, Walk, "change", 5)
    result = attar.compress(network, data=labelled, target_size=100)
    check(result, "it was interrupted")
    assert set(result.report.plan) == {"conv_weight", "fc1_weight", "fc2_weight"}


@pytest.mark.parametrize("samples", [True, False], ids=["seen", "unseen"])
@pytest.mark.parametrize("seconds", [0, 1e-9])
def test_a_time_limit_leaves_a_whole_file(network, labelled, samples, seconds):
    result = attar.compress(network, data=labelled if samples else None, target_size=3000, time_limit=seconds)
    check(result, "the time limit was reached")


def test_no_time_limit_is_no_end(network, labelled):
    assert attar.compress(network, data=labelled, max_error=5, time_limit=600).report.search["stopped"] is None


def test_progress_names_what_is_done(network, labelled):
    seen = []
    attar.compress(network, data=labelled, max_error=5, progress=lambda phase, share: seen.append((phase, share)))
    phases = list(dict.fromkeys(phase for phase, _ in seen))
    assert phases[0] == "measuring every layer's sensitivity" and phases[1] == "compressing, pass 1"
    assert phases[-1] == "running the file"
    assert all(0 <= share <= 1 for _, share in seen)
    for phase in phases:
        shares = [share for of, share in seen if of == phase]
        assert shares == sorted(shares) and shares[-1] == 1.0


def test_a_recipe_with_choices_is_searched_and_not_walked(monkeypatch, network, labelled):
    monkeypatch.setattr(along_slope, "walk", lambda *_, **__: pytest.fail("walked"))
    monkeypatch.setattr(verb, "descend", lambda *_: pytest.fail("descended"))
    attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS)
