"""Ctrl-C and the time limit end the search, never the run: a valid file comes back, and the report says so."""

import pytest

import attar
from attar.compression import verb
from attar.compression.candidates import LayerChoices
from attar.compression.judge import Judge
from attar.compression.search import Search
from attar.export import to_onnx

from . import nets

PHASES = ["_gather", "_probe", "_descend", "_polish"]


def check(result, why):
    assert result.report.search["stopped"] == why
    attar.open(result.data).file.check()
    assert len(nets.run(to_onnx(result.file), image=nets.images(3))[0]) == 3
    assert result.size_bytes < result.report.fp32_bytes


def interrupt_at(monkeypatch, owner, method, call):
    """Raise KeyboardInterrupt once, at the `call`-th call of a method."""
    original = getattr(owner, method)
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(method)
        if len(calls) == call:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, method, interrupted)
    return calls


BUDGETS = {"drop": {"max_drop": 5}, "size": {"target_size": 4000}}


@pytest.fixture(scope="module")
def evaluations(network, labelled):
    """How often the network runs in a whole search for each budget."""
    whole = {name: attar.compress(network, data=labelled, recipe=nets.BITS, **b) for name, b in BUDGETS.items()}
    return {name: result.report.search["evaluations"] for name, result in whole.items()}


@pytest.mark.parametrize("share", [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1])
@pytest.mark.parametrize("budget", BUDGETS)
def test_interrupted_while_the_network_runs(monkeypatch, network, labelled, evaluations, share, budget):
    interrupt_at(monkeypatch, Judge, "outputs", 1 + round(share * (evaluations[budget] - 1)))
    check(attar.compress(network, data=labelled, recipe=nets.BITS, **BUDGETS[budget]), "it was interrupted")


@pytest.mark.parametrize("phase", PHASES)
def test_interrupted_at_the_start_of_a_phase(monkeypatch, network, labelled, phase):
    calls = interrupt_at(monkeypatch, Search, phase, 1)
    check(attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS), "it was interrupted")
    assert calls == [phase]


def test_interrupted_while_coding_the_second_layer(monkeypatch, network, labelled):
    interrupt_at(monkeypatch, LayerChoices, "gather", 2)
    check(attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS), "it was interrupted")


def test_the_best_before_the_interrupt_is_kept(monkeypatch, network, labelled):
    """Interrupted in its last run of the network, a search has all but the whole result."""
    whole = attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS)
    interrupt_at(monkeypatch, Judge, "outputs", whole.report.search["evaluations"])
    cut_short = attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS)
    assert cut_short.met == whole.met
    assert cut_short.size_bytes <= 1.1 * whole.size_bytes


@pytest.mark.parametrize("seconds", [0, 1e-9, 0.02])
@pytest.mark.parametrize("budget", BUDGETS)
def test_time_limits(network, labelled, seconds, budget):
    result = attar.compress(network, data=labelled, recipe="candidates", time_limit=seconds, **BUDGETS[budget])
    check(result, "the time limit was reached")


def test_an_ended_search_stays_ended_for_another_goal(monkeypatch, network, labelled):
    """A byte target that needs a second run of the search neither starts it over nor forgets why it ended."""
    monkeypatch.setattr(verb, "_fixed_bytes", lambda *_: 0)  # so that the first plan is over the target
    interrupt_at(monkeypatch, Search, "_polish", 1)
    monkeypatch.setattr(Search, "_probe", once(Search._probe))
    check(attar.compress(network, data=labelled, recipe=nets.BITS, target_size=4000), "it was interrupted")


def once(method):
    calls = []

    def only_once(*args):
        assert not calls, "started over"
        calls.append(args)
        return method(*args)

    return only_once


def test_no_time_limit_is_no_end(result):
    assert result.report.search["stopped"] is None


def test_a_larger_limit_never_leaves_a_worse_file(network, labelled):
    hurried = attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS, time_limit=0)
    whole = attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS)
    assert whole.size_bytes <= hurried.size_bytes
