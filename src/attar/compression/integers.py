"""`--integer`: the network of a file as a program in integers, its activations calibrated, put into that file.

Weights that lie on a grid keep their integers. Others get 8 bits, one scale for every output channel, and are written
back, so that graph and program speak of the same numbers. Which part of a tensor's range its format covers is tried
out: the engine runs the search's samples with every method, and that which damages the output least is taken. So are
channels that are equalized, where no weights lie on a grid, and biases that take the mean error out of every layer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from .. import container
from ..codec import Effort, GridHint, Quantized
from ..codec.grid_decode import dequantize
from ..container import AttarFile
from ..errors import DataError, RecipeError
from ..graph import set_initializer
from ..numerics.formats import Format
from ..passes.equalize import equalized
from ..report.integers import IntegerRun
from ..runtime.ends import End
from ..runtime.engine.answers import answers
from ..runtime.engine.build import quantized, with_programs
from ..runtime.engine.network import Network
from ..runtime.integer import Affine, Extrapolated, FixedPoint, LeastSquares, MinMax, Percentile
from ..runtime.integer.calibrate import Observed
from ..runtime.integer.lower import Lowered
from ..runtime.integer.refusals import NothingInIntegers
from ..runtime.integer.schemes import Method, Scheme
from ..runtime.integer.steps import Refusal
from ..runtime.integer.weights import Given
from .corrections import corrected
from .file_bytes import coders_of
from .job import Job
from .judge import Judge
from .sitting import judge_of

METHODS: dict[str, Method] = {
    "min-max": MinMax(),
    "min-max and beyond": Extrapolated(),
    "percentile 99.99": Percentile(99.99),
    "percentile 99.9": Percentile(99.9),
    "least squares": LeastSquares(),
}
ARITHMETICS: dict[str, Scheme] = {"affine": Affine(), "fixed-point": FixedPoint()}
WAYS_MORE = 2  # than methods of calibration: equalized, biases corrected
THREADS = 2  # of the engine while it tries; their number changes nothing


@dataclass(frozen=True)
class Integers:
    """How to compute in integers: "affine" or "fixed-point", one of ARITHMETICS."""

    arithmetic: str = "affine"

    def __post_init__(self) -> None:
        if self.arithmetic not in ARITHMETICS:
            raise RecipeError(f"arithmetic '{self.arithmetic}' is none of {', '.join(ARITHMETICS)}")


def in_integers(job: Job, data: bytes) -> tuple[bytes, IntegerRun]:
    """Return the file with programs beside its graph, and what was found on the way.

    What cannot run in integers stays in floats, with its reason; where no layer can, so does the file.

    Raises:
        DataError: there are no samples to calibrate with.
    """
    if job.samples is None:
        raise DataError("--integer: activations are calibrated on samples; give --data")
    file = container.open(data)
    model = file.model()
    grids = _grids(file, model)
    job.progress("calibrating integers", 0.0)
    try:
        trials = _tried(job, model, grids)
    except NothingInIntegers as error:
        return data, IntegerRun.nothing(job.integers.arithmetic, error.reasons)
    best = trials.best
    network = best.network
    weighted = _with_weights(job, data, file, model, grids, best)
    programs = [part.program for part in best.done]
    written, plans = with_programs(weighted, programs, in_parts=not network.is_whole, ends=best.ends)
    return written, IntegerRun(
        arithmetic=job.integers.arithmetic,
        calibration=best.method,
        damages=trials.damages,
        operators=best.operators,
        outside=network.outside,
        arena_bytes=sum(plan.arena_bytes for plan in plans),
        lower_bound_bytes=sum(plan.plan.lower_bound_bytes for plan in plans),
        memory_bytes=best.memory_bytes,
        program_bytes=container.open(written, graph=False).chunk_sizes["program"],
    )


def _tried(job: Job, model: ir.Model, grids: Mapping[str, Quantized]) -> "_Trials":
    """Return the ways to compute in integers that were tried, with as few operators in floats as it takes.

    Raises:
        NothingInIntegers: no layer can run in integers.
    """
    inputs, scheme = job.samples.calibration.inputs, ARITHMETICS[job.integers.arithmetic]
    given = {name: (grid.integers, grid.scales) for name, grid in grids.items()}
    judge = judge_of(job, swaps=False)
    network = Network.of(model, scheme, given, {name: values.shape[1:] for name, values in inputs.items()})
    while True:
        seen = network.observe(inputs, threads=job.threads)
        refused = network.unfit(seen)
        try:
            if not refused:
                return _all_ways(job, judge, network, seen)
        except Refusal as refusal:
            refused = dict.fromkeys(refusal.made, str(refusal))
            if not refused.keys() - network.probed.refused.keys():
                raise
        network = network.without(refused)


def _all_ways(job: Job, judge: Judge, network: Network, seen: Observed) -> "_Trials":
    """Try all methods of calibration, and with the best one what may mend its errors."""
    trials, inputs = _Trials(job, judge), job.samples.calibration.inputs
    for name, method in METHODS.items():
        trials.add(name, network, seen.formats(network.scheme, method=method), job.model)
    if network.is_whole and not network.given:
        _equalize(trials, inputs)
    if network.is_whole:
        _correct_biases(trials, inputs, network.given)
    return trials


@dataclass(frozen=True)
class _Tried:
    """What a method of calibration led to; `network` is the file's, its biases moved or not.

    Attributes:
        original: the network that it shall answer like, tensor for tensor.
    """

    method: str
    network: Network
    original: ir.Model
    formats: Mapping[str, Format]
    done: list[Lowered]
    operators: int
    memory_bytes: int

    @property
    def ends(self) -> tuple[End, ...]:
        """What the outputs of a whole network's program become; of parts none, since they run within the graph."""
        return self.done[0].ends if self.network.is_whole else ()


@dataclass
class _Trials:
    """Ways to compute in integers, each run by the engine on the search's samples.

    Attributes:
        damages: to the output, by the way's name. found: the least damaged one so far.
        tried: the network and its formats, by the way's name.
    """

    job: Job
    judge: Judge
    damages: dict[str, float] = field(default_factory=dict)
    tried: dict[str, tuple[Network, Mapping[str, Format]]] = field(default_factory=dict)
    found: _Tried | None = None

    @property
    def best(self) -> _Tried:
        assert self.found is not None, "nothing was tried"
        return self.found

    def add(self, name: str, network: Network, formats: Mapping[str, Format], original: ir.Model) -> None:
        """Try a network with these formats in the place of the original; formats that were tried need no second run."""
        twin = next((way for way, known in self.tried.items() if known[0] is network and known[1] == formats), None)
        self.tried[name] = network, formats
        if twin is not None:
            self.damages[name] = self.damages[twin]
            return
        done = network.lowered(formats)
        machine = network.machine(done, threads=THREADS)
        ends = done[0].ends if network.is_whole else ()
        self.damages[name] = self.judge.damage(answers(machine, ends, self.job.samples.search.inputs))
        if self.found is None or self.damages[name] < self.damages[self.found.method]:
            self.found = _Tried(name, network, original, formats, done, len(machine.operators), machine.memory_bytes)
        self.job.progress("calibrating integers", len(self.damages) / (len(METHODS) + WAYS_MORE))


def _equalize(trials: _Trials, inputs: Mapping[str, np.ndarray]) -> None:
    """Try the best way so far on the network with its channels equalized; weights on a grid would leave it."""
    method, network, job = trials.best.method, trials.best.network, trials.job
    model = equalized(network.model)
    scaled = network.with_model(model)
    formats = scaled.observe(inputs, threads=job.threads).formats(network.scheme, method=METHODS[method])
    trials.add(f"{method}, equalized", scaled, formats, model)


def _correct_biases(trials: _Trials, inputs: Mapping[str, np.ndarray], given: Given) -> None:
    """Try the best way so far with the mean error of every layer taken out of its bias."""
    best, job = trials.best, trials.job
    network = best.network
    moved, layers = corrected(best.original, network.model, best.done[0], inputs, given=given, threads=job.threads)
    if layers:
        trials.add(f"{best.method}, biases corrected", network.with_model(moved), best.formats, best.original)


def _grids(file: AttarFile, model: ir.Model) -> dict[str, Quantized]:
    """Return weights whose integers and steps the file has, the steps one or one for each output channel."""
    axes = _output_axes(model)
    found = {entry.name: quantized(file, entry) for entry in file.entries if entry.name in axes}
    return {name: grid for name, grid in found.items() if grid is not None and grid.axis in (None, axes[name])}


def _output_axes(model: ir.Model) -> dict[str, int]:
    """Return the axis of the outputs of all weights of layers, by name."""
    axes = {}
    for node in model.graph:
        weights = node.inputs[1] if len(node.inputs) > 1 else None
        if weights is not None and weights.is_initializer() and node.op_type in ("Conv", "Gemm", "MatMul"):
            is_row = node.op_type == "Conv" or bool(node.attributes.get_int("transB", 0))
            axes[weights.name] = 0 if is_row else 1
    return axes


def _with_weights(
    job: Job, data: bytes, file: AttarFile, model: ir.Model, grids: Mapping[str, Quantized], best: _Tried
) -> bytes:
    """Return the file with the weights that the program quantized as it quantized them, and the biases it has."""
    made = {name: hint for part in best.done for name, hint in _made(best.network.model, grids, part).items()}
    if not made and best.network.model is model:
        return data
    for name, hint in made.items():
        values = dequantize(hint.integers, hint.scales, axis=hint.axis, dtype=np.dtype(np.float32))
        set_initializer(best.network.model, name, values)
    hints = {name: GridHint(grid.integers, grid.scales, grid.axis) for name, grid in grids.items()}
    meta = {"preprocessing": file.preprocessing, "class_names": file.class_names, "provenance": file.provenance}
    return container.to_bytes(best.network.model, hints=hints | made, effort=Effort(coders=coders_of(job)), **meta)


def _made(model: ir.Model, grids: Mapping[str, Quantized], done: Lowered) -> dict[str, GridHint]:
    """Return the weights that are not as the file has them, as they became; none that a norm went into."""
    axes, found = _output_axes(model), {}
    for step in done.steps:
        name = step.node.inputs[1].name if step.output.name in done.chosen else None
        if name not in axes:
            continue
        before, now = (graph.initializers[name].const_value.numpy() for graph in (model.graph, done.model.graph))
        integers, scales = done.chosen[step.output.name]
        is_there = name in grids and np.array_equal(grids[name].integers, integers)
        if not is_there and now.dtype == np.float32 and np.array_equal(before, now):
            found[name] = GridHint(integers, np.asarray(scales, np.float32), axes[name])
    return found
