"""A file's program as a QDQ model, which other runtimes run: the integers that attar's own engine computes with."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ..container import AttarFile
from ..errors import ModelError
from ..graph import serialize
from ..numerics.formats import Format, dequantize
from ..runtime.engine import Engine, Machine
from ..runtime.engine.build import machine_of, quantized
from ..runtime.engine.names import check_formats, formats_of
from ..runtime.integer import Affine, FixedPoint, from_qdq, lower, to_qdq
from ..runtime.integer.prepare import prepare
from ..runtime.integer.schemes import Scheme
from ..runtime.integer.steps import observed, steps_of
from ..runtime.integer.weights import Given
from ..runtime.session import Session

ANY = Format(8, signed=True, scale=1.0)  # stands in for formats while only operators and names are wanted
SAMPLES = 4  # of either kind that the answers are held against each other on


def to_qdq_onnx(file: AttarFile) -> bytes:
    """Return the bytes of a QDQ model that is the file's program: formats, weights and biases, a Softmax at the end.

    Before it is handed out it is loaded in onnxruntime and read again: it has the program's operators and formats, and
    the engine answers alike on samples at random, bit for bit.

    Raises:
        FormatError: the file holds weights only, has no program, or is damaged.
        ModelError: the programs are parts of the graph; or what the graph makes is not the program, with what differs.
    """
    if file.in_parts:
        raise ModelError(
            f"{len(file.programs)} programs are parts of the graph; a QDQ model is made of one, of all of it"
        )
    model = file.model()
    machine = Engine(file, threads=1).machine
    given, shapes = _weights(file, machine), {port.name: port.shape for port in machine.inputs}
    formats = _formats(model, machine, given, shapes)
    written = to_qdq(model, formats, _scheme(formats), weights=given, shapes=shapes)
    _check(written, machine, shapes)
    _check_loads(written)
    return serialize(written)


def _weights(file: AttarFile, machine: Machine) -> Given:
    """Return integers and steps of the weights that the program takes from the table."""
    entries = [file.entries[wanted.place] for wanted in machine.wanted().values() if not wanted.is_bias]
    found = {entry.name: quantized(file, entry) for entry in entries}
    return {name: (grid.integers, grid.scales) for name, grid in found.items() if grid is not None}


def _formats(model: ir.Model, machine: Machine, given: Given, shapes: Mapping[str, tuple[int, ...]]) -> dict:
    """Return the program's formats by the names of the graph's tensors."""
    unknown = set(shapes) - {value.name for value in model.graph.inputs}
    if unknown:
        raise ModelError(f"the program reads '{min(unknown)}', which is no input of the graph")
    prepared = prepare(model, shapes, kept=given)
    wanted = observed(prepared, steps_of(prepared))
    program = lower(model, dict.fromkeys(wanted, ANY), weights=given, shapes=shapes)
    return formats_of(machine, program)


def _scheme(formats: Mapping[str, Format]) -> Scheme:
    """Return how weights that the table has in floats were quantized: as the activations were."""
    powers = all(form.scale == 2.0 ** np.rint(np.log2(form.scale)) for form in formats.values())
    return FixedPoint() if powers and not any(form.zero for form in formats.values()) else Affine()


def _check_loads(written: ir.Model) -> None:
    """Raises ModelError where onnxruntime refuses a QDQ model."""
    try:
        Session(written, threads=1)
    except ModelError as error:
        raise ModelError(f"no QDQ model that onnxruntime takes: {error}") from error


def _check(written: ir.Model, machine: Machine, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raises ModelError where a QDQ model is not the program."""
    program = from_qdq(written, shapes=shapes)
    check_formats(machine, program)
    inputs, rng = {}, np.random.default_rng(0)
    for (name, shape), number in zip(shapes.items(), machine.ends[0], strict=True):
        form = machine.tensors[number].format
        anywhere = rng.integers(form.low, form.high + 1, (SAMPLES, *shape))
        near_zero = np.rint(rng.normal(form.zero, (form.high - form.low) / 8, (SAMPLES, *shape)))
        integers = np.concatenate([anywhere, np.clip(near_zero, form.low, form.high).astype(int)])
        inputs[name] = dequantize(integers, form)
    found, wanted = machine_of(program).run(inputs), machine.run(inputs)
    for name, values in wanted.items():
        different = np.mean(found[name] != values)
        if different:
            raise ModelError(
                f"output '{name}': {100 * different:.3g} % of what the QDQ model answers is not the program's"
            )
