"""One engine and several callers: threads of Python at a time, children of a fork, many engines with one pool."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from common.networks import build, normal

import attar
from attar import container
from attar.graph import load
from attar.runtime.engine.build import with_program, with_programs
from attar.runtime.engine.network import Network
from attar.runtime.integer import Affine, MinMax, calibrate, lower

from .partly import SHAPE, detector

CALLERS, CALLS = 4, 120
SECONDS = 60  # for what takes less than one
forks = pytest.mark.skipif(
    not hasattr(os, "fork") or sys.version_info >= (3, 14), reason="no fork, or none with threads"
)


@cache
def large_file() -> bytes:
    """A network that is worth two threads, with one part."""
    layers = " ".join(f"h{i + 1} = Conv <pads = [1, 1, 1, 1]> (h{i}, w) r{i} = Relu (h{i + 1})" for i in range(4))
    text = f"net (float[n, 64, 24, 24] h0) => (float[n, 64, 24, 24] h4) {{ {layers} }}"
    model = load(build(text, {"w": normal(64, 64, 3, 3) / 24}))
    program = lower(model, calibrate(model, {"h0": normal(2, 64, 24, 24)}, Affine()), Affine())
    return with_program(container.to_bytes(model), program)[0]


@cache
def small_file() -> bytes:
    model = load(build("net (float[n, 40] x) => (float[n, 9] y) { y = MatMul (x, w) }", {"w": normal(40, 9)}))
    program = lower(model, calibrate(model, {"x": normal(9, 40)}, Affine()), Affine())
    return with_program(container.to_bytes(model), program)[0]


@cache
def file_in_parts() -> bytes:
    model = detector()
    network = Network.of(model, Affine(), {}, {"x": SHAPE})
    formats = network.observe({"x": normal(16, *SHAPE)}, threads=1).formats(Affine(), method=MinMax())
    programs = [done.program for done in network.lowered(formats)]
    return with_programs(container.to_bytes(model), programs, in_parts=True)[0]


FILES = {"small": small_file, "large": large_file, "in parts": file_in_parts}


def engine_and_answers(name: str, threads: int):
    """Return an engine, inputs for it, and what another engine with one thread answers."""
    data = FILES[name]()
    alone, engine = attar.Engine(data, threads=1), attar.Engine(data, threads=threads)
    (port,) = engine.machine.inputs
    inputs = [normal(1 + i % 2, *port.shape, seed=i) for i in range(2 * CALLERS)]
    return engine, inputs, [alone(x) for x in inputs]


def is_equal(found, wanted) -> bool:
    return all(np.array_equal(found[name], values) for name, values in wanted.items())


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", FILES)
def test_callers_at_a_time_get_their_own_answers(name, threads):
    engine, inputs, wanted = engine_and_answers(name, threads)
    with ThreadPoolExecutor(CALLERS) as pool:
        places = [call % len(inputs) for call in range(CALLS)]
        found = pool.map(lambda place: is_equal(engine(inputs[place]), wanted[place]), places)
        assert all(found)


def in_a_child(answer) -> int:
    """Return the exit status of a fork: 0 where `answer()` is true."""
    child = os.fork()
    if child == 0:
        os._exit(0 if answer() else 1)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -9


@forks
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", FILES)
def test_a_child_of_a_fork_gets_answers(name, threads):
    engine, inputs, wanted = engine_and_answers(name, threads)
    assert is_equal(engine(inputs[0]), wanted[0])
    answers = lambda: all(is_equal(engine(x), values) for x, values in zip(inputs, wanted, strict=True))  # noqa: E731
    assert in_a_child(answers) == 0
    assert in_a_child(lambda: in_a_child(answers) == 0) == 0  # and a child of the child
    assert answers()


@forks
def test_a_child_that_is_forked_while_others_call_gets_answers():
    engine, inputs, wanted = engine_and_answers("large", 2)
    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(engine, inputs[0]) for _ in range(CALLS)]
        statuses = [in_a_child(lambda: is_equal(engine(inputs[1]), wanted[1])) for _ in range(3)]
        assert statuses == [0, 0, 0]
        assert all(is_equal(call.result(), wanted[0]) for call in calls)


@forks
def test_a_child_ends_where_its_parent_ran_floats():
    """onnxruntime would wait for its threads when a session goes."""
    opened = attar.open(file_in_parts(), threads=2)
    x = normal(3, *SHAPE)
    wanted = opened(x)

    def answer():
        found = opened(x)
        opened.__dict__.clear()  # the session goes
        return all(np.allclose(found[name], values, atol=1e-5) for name, values in wanted.items())

    assert in_a_child(answer) == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux tells the threads")
def test_engines_share_their_threads():
    engines = [attar.Engine(large_file(), threads=2)]
    x = normal(1, 64, 24, 24)
    wanted = engines[0](x)
    before = len(list(Path("/proc/self/task").iterdir()))
    engines += [attar.Engine(large_file(), threads=2) for _ in range(20)]
    assert all(is_equal(engine(x), wanted) for engine in engines)
    assert len(list(Path("/proc/self/task").iterdir())) <= before
