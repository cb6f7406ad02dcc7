"""Networks quantized by onnxruntime, and its answers for QDQ models."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from attar.graph import load, serialize
from attar.graph.expose import expose
from attar.numerics.formats import Format, quantize
from attar.runtime.integer import Program, run
from attar.runtime.integer.accumulators import Record
from attar.runtime.integer.execute import Machine, execute
from attar.runtime.integer.qdq.parameters import parameters_of

LEVELS = ("ORT_DISABLE_ALL", "ORT_ENABLE_ALL")  # operators one by one in floats; onnxruntime's own integer kernels


class _Samples(CalibrationDataReader):
    def __init__(self, feeds: Mapping[str, np.ndarray]) -> None:
        self._batches: Iterator[dict[str, np.ndarray]] = iter([dict(feeds)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


def quantized(source: onnx.ModelProto, feeds: Mapping[str, np.ndarray], folder: Path, **options) -> ir.Model:
    """Return what `quantize_static` makes of a network; `options` are its own."""
    before, after = folder / "float.onnx", folder / "qdq.onnx"
    onnx.save(source, before)
    logging.getLogger().setLevel(logging.ERROR)  # it warns of what is meant here
    quantize_static(str(before), str(after), _Samples(feeds), quant_format=QuantFormat.QDQ, **options)
    return load(after, fold=False)


def answers(model: ir.Model, feeds: Mapping[str, np.ndarray], level: str = LEVELS[0]) -> dict[str, np.ndarray]:
    """Return onnxruntime's outputs by name."""
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = ort.InferenceSession(serialize(model), options, ["CPUExecutionProvider"])
    return dict(zip([x.name for x in session.get_outputs()], session.run(None, dict(feeds)), strict=True))


def differences(
    program: Program, model: ir.Model, feeds: Mapping[str, np.ndarray], level: str = LEVELS[0]
) -> dict[str, np.ndarray]:
    """Return, by output, how many steps the oracle's integers lie beside onnxruntime's."""
    ours, theirs = run(program, feeds).outputs, answers(model, feeds, level)
    assert list(theirs) == list(ours)
    return {name: np.rint((ours[name] - theirs[name]) / program.tensors[name].format.scale) for name in ours}


def assert_agrees(program: Program, model: ir.Model, feeds: Mapping[str, np.ndarray], *, steps: int = 1) -> None:
    """Check that the outputs are within so many steps, with onnxruntime's optimizations and without."""
    for level in LEVELS:
        for name, found in differences(program, model, feeds, level).items():
            assert np.abs(found).max() <= steps, f"{name}: {np.abs(found).max()} steps off at {level}"


def _means_as(form: Format, held: Format) -> bool:
    """Whether integers in a file mean the numbers that a format of as many bits or fewer has, with its sign or not."""
    zeros = (form.zero, form.zero - form.low)
    return form.scale == held.scale and held.zero == zeros[held.signed != form.signed]


def layer_differences(program: Program, model: ir.Model, feeds: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Return, by operator's output, how many steps it is off at most where its inputs are onnxruntime's integers."""
    known = {}
    for node in model.graph:
        if node.op_type != "QuantizeLinear" or node.inputs[0].is_initializer():
            continue
        form, source = parameters_of(node).format(), node.inputs[0]
        clip = source.producer() if source.producer() and source.producer().op_type == "Clip" else None
        for use in node.outputs[0].uses():
            for value in (source, use.node.outputs[0], clip.inputs[0] if clip else source):
                found = program.tensors.get(value.name)
                if found is not None and _means_as(found.format, form):
                    known[value.name] = use.node.outputs[0].name
    seen = answers(expose(model, list(dict.fromkeys(known.values()))), feeds)
    theirs = {name: quantize(seen[known[name]], program.tensors[name].format) for name in known}
    tensors = {name: quantize(feeds[name], program.tensors[name].format) for name in program.inputs} | theirs
    found = {}
    for operator in program.operators:
        ours = execute(operator, Machine(program, tensors, Record()))
        tensors[operator.output] = theirs.get(operator.output, ours)
        found[operator.output] = int(np.abs(ours - tensors[operator.output]).max())
    return found
