"""`--integer`: the network of a file as a program in integers, its activations calibrated, put into that file.

Weights that lie on a grid keep their integers. Others get 8 bits, one scale for every output channel, and are written
back, so that graph and program speak of the same numbers. Which part of a tensor's range its format covers is tried
out: the engine runs the search's samples with every method, and that which damages the output least is taken. So are
biases that take the mean error out of every layer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .. import container
from ..codec import Effort, GridHint, Quantized
from ..codec.grid_decode import dequantize
from ..container import AttarFile
from ..errors import DataError, RecipeError
from ..graph import set_initializer
from ..numerics.formats import Format
from ..report.integers import IntegerRun
from ..runtime.engine.answers import answers
from ..runtime.engine.build import machine_of, quantized, with_program
from ..runtime.integer import Affine, FixedPoint, LeastSquares, MinMax, Percentile, observe
from ..runtime.integer.lower import Lowered, lowered
from ..runtime.integer.schemes import Method, Scheme
from .corrections import corrected
from .file_bytes import coders_of
from .job import Job
from .sitting import judge_of

METHODS: dict[str, Method] = {
    "min-max": MinMax(),
    "percentile 99.99": Percentile(99.99),
    "percentile 99.9": Percentile(99.9),
    "least squares": LeastSquares(),
}
ARITHMETICS: dict[str, Scheme] = {"affine": Affine(), "fixed-point": FixedPoint()}
THREADS = 2  # of the engine while it tries; their number changes nothing


@dataclass(frozen=True)
class Integers:
    """How to compute in integers: "affine" or "fixed-point", one of ARITHMETICS."""

    arithmetic: str = "affine"

    def __post_init__(self) -> None:
        if self.arithmetic not in ARITHMETICS:
            raise RecipeError(f"arithmetic '{self.arithmetic}' is none of {', '.join(ARITHMETICS)}")


def in_integers(job: Job, data: bytes) -> tuple[bytes, IntegerRun]:
    """Return the file with a program beside its graph, and what was found on the way.

    Raises:
        DataError: there are no samples to calibrate with.
        ModelError: an operator that cannot run in integers, named with the reason.
    """
    if job.samples is None:
        raise DataError("--integer: activations are calibrated on samples; give --data")
    file = container.open(data)
    model, scheme = file.model(), ARITHMETICS[job.integers.arithmetic]
    grids = _grids(file, model)
    given = {name: (grid.integers, grid.scales) for name, grid in grids.items()}
    inputs = job.samples.calibration.inputs
    shapes = {name: values.shape[1:] for name, values in inputs.items()}
    job.progress("calibrating integers", 0.0)
    seen, judge = observe(model, inputs, kept=given, threads=job.threads), judge_of(job, swaps=False)
    damages: dict[str, float] = {}

    def tried(name: str, network: ir.Model, formats: Mapping[str, Format]) -> _Tried:
        done = lowered(network, formats, scheme, weights=given, shapes=shapes, coarsens=True)
        machine = machine_of(done.program, threads=THREADS)
        damages[name] = judge.damage(answers(machine, network, job.samples.search.inputs))
        job.progress("calibrating integers", len(damages) / (len(METHODS) + 1))
        return _Tried(name, network, formats, done, len(machine.operators), machine.memory_bytes)

    best: _Tried | None = None
    for name, method in METHODS.items():
        last = tried(name, model, seen.formats(scheme, method=method))
        best = last if best is None or damages[name] <= damages[best.method] else best
    moved, layers = corrected(job.model, model, best.done, inputs, given=given, threads=job.threads)
    if layers:
        last = tried(f"{best.method}, biases corrected", moved, best.formats)
        best = last if damages[last.method] < damages[best.method] else best
    written, plan = with_program(_with_weights(job, data, file, model, grids, best), best.done.program)
    return written, IntegerRun(
        arithmetic=job.integers.arithmetic,
        calibration=best.method,
        damages=damages,
        operators=best.operators,
        arena_bytes=plan.arena_bytes,
        lower_bound_bytes=plan.plan.lower_bound_bytes,
        memory_bytes=best.memory_bytes,
        program_bytes=container.open(written, graph=False).chunk_sizes["program"],
    )


@dataclass(frozen=True)
class _Tried:
    """What a method of calibration led to; `model` is the file's network, its biases moved or not."""

    method: str
    model: ir.Model
    formats: Mapping[str, Format]
    done: Lowered
    operators: int
    memory_bytes: int


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
    made = _made(model, grids, best.done)
    if not made and best.model is model:
        return data
    for name, hint in made.items():
        values = dequantize(hint.integers, hint.scales, axis=hint.axis, dtype=np.dtype(np.float32))
        set_initializer(best.model, name, values)
    hints = {name: GridHint(grid.integers, grid.scales, grid.axis) for name, grid in grids.items()}
    meta = {"preprocessing": file.preprocessing, "class_names": file.class_names, "provenance": file.provenance}
    return container.to_bytes(best.model, hints=hints | made, effort=Effort(coders=coders_of(job)), **meta)


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
