"""A network through the recipes, its files beside onnxruntime: what is wrong, in words.

Nothing of attar stands between the network and its reference: original and exported file run in plain sessions.
"""

import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import onnxruntime

import attar
from attar import container
from attar.compression import along_slope
from attar.compression import integers as integers_module
from attar.errors import AttarError
from attar.evaluate.fidelity import relative_error
from attar.export import to_onnx
from attar.graph import load
from attar.runtime.engine.build import with_programs

from .oracle import answers_of_oracle

Arrays = Mapping[str, np.ndarray]
Samples = Callable[[int, int], dict[str, np.ndarray]]
WAYS = (("default", False), ("int8", False), ("int8", True))
DATA, VERDICT, FRESH = 40, 20, 5
ROUNDING = 1e-4  # of the largest number of an output: what sums in another order may change
WORSE = 10.0  # times the error that the verdict saw, on samples that nobody has seen
SPARE = 10.0  # percent, by which an error of a few samples may be off
MAY_REFUSE = "the network has no layer with weights"
GRAPH_BYTES = 400  # that a recipe may add to the graph, whatever it does to weights


class Plain:
    """A network in a session of onnxruntime with its own settings; `batch` None where it is free."""

    def __init__(self, data: bytes, batch: int | None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(data, options, ["CPUExecutionProvider"])
        self._batch = batch
        self._constants = {tensor.name for tensor in onnx.load_from_string(data).graph.initializer}

    def __call__(self, inputs: Arrays) -> dict[str, np.ndarray]:
        """Return the outputs for all samples; a fixed batch is filled up with the last sample."""
        count, names = len(next(iter(inputs.values()))), [value.name for value in self._session.get_outputs()]
        step, found = self._batch or count, []
        for start in range(0, count, step):
            missing = max(start + step - count, 0)
            feeds = {name: values[start : start + step] for name, values in inputs.items()}
            feeds = {name: np.concatenate([values, values[-1:].repeat(missing, 0)]) for name, values in feeds.items()}
            found.append(dict(zip(names, self._session.run(None, feeds), strict=True)))
            last = step - missing
        return {name: self._joined(name, [each[name] for each in found], last) for name in names}

    def _joined(self, name: str, parts: list[np.ndarray], last: int) -> np.ndarray:
        if name in self._constants:
            return parts[0]
        return np.concatenate([*parts[:-1], parts[-1][:last]])


@dataclass(frozen=True)
class File:
    """A written file: how it answers, what it should answer, and whether bit for bit."""

    answers: Callable[[Arrays], dict[str, np.ndarray]]
    oracle: Callable[[Arrays], dict[str, np.ndarray]]
    is_exact: bool


def findings_of(
    proto: onnx.ModelProto,
    samples: Samples,
    batch: int | None = None,
    *,
    ways: Sequence[tuple[str, bool]] = WAYS,
    passes: int | None = None,
) -> list[str]:
    """Return what attar gets wrong with a network.

    Args:
        samples: makes inputs, so many of a seed. batch: that which the network insists on, None where it is free.
        ways: recipes, and whether --integer. passes: of the search of recipe default, None for as many as it wants.
    """
    found, before = [], proto.SerializeToString(deterministic=True)
    reference = Plain(before, batch)
    for recipe, integer in ways:
        label = f"{recipe} --integer" if integer else recipe
        try:
            with _at_most(passes), warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)  # numpy's, which a user would see
                wrong = list(_wrong(proto, reference, samples, batch, recipe=recipe, integer=integer))
        except AttarError as error:
            wrong = [] if MAY_REFUSE in str(error) else [f"refused, {type(error).__name__}: {error}"]
        except Exception as error:  # whatever it is, it is a finding
            at = traceback.extract_tb(error.__traceback__)[-1]
            wrong = [f"{type(error).__name__} in {Path(at.filename).name}:{at.lineno}: {error}"]
        found += [f"{label}: {each}" for each in wrong]
    if proto.SerializeToString(deterministic=True) != before:
        found.append("the network that was given has changed")
    return found


def _at_most(passes: int | None) -> AbstractContextManager:
    if passes is None:
        return nullcontext()
    return mock.patch.object(along_slope, "passes_for", lambda *_, **__: passes)


def _wrong(
    proto: onnx.ModelProto, reference: Plain, samples: Samples, batch: int | None, *, recipe: str, integer: bool
) -> Iterator[str]:
    data, verdict, fresh = samples(DATA, 1), samples(VERDICT, 2), samples(FRESH, 3)
    with mock.patch.object(integers_module, "with_programs", wraps=with_programs) as written:
        result = attar.compress(proto, data=data, eval_data=verdict, recipe=recipe, integer=integer, threads=1)
    file = _integers(result, written) if written.called else _floats(result, batch)
    wanted = reference(fresh)
    answers = file.answers(fresh)
    shapes = list(_of_kind(answers, wanted))
    yield from shapes
    yield from _not_the_same("a second run", answers, file.answers(fresh), exactly=True)
    yield from _not_the_same("its oracle", answers, file.oracle(fresh), exactly=file.is_exact)
    if not shapes:
        yield from _of_report(result, reference(verdict), file.answers(verdict), wanted, answers)
    largest = len(container.to_bytes(load(proto))) + GRAPH_BYTES
    if not integer and result.size_bytes > largest:
        yield f"{result.size_bytes} bytes are more than the {largest - GRAPH_BYTES} without any loss"


def _floats(result: attar.Result, batch: int | None) -> File:
    return File(lambda inputs: attar.open(result.data, threads=1)(inputs), Plain(to_onnx(result.file), batch), False)


def _integers(result: attar.Result, written: mock.Mock) -> File:
    programs = written.call_args.args[1]
    oracle = lambda inputs: answers_of_oracle(result.file, programs, inputs)  # noqa: E731
    return File(lambda inputs: attar.Engine(result.data, threads=1)(inputs), oracle, True)


def _of_kind(found: Arrays, wanted: Arrays) -> Iterator[str]:
    """Yield what is wrong with names, their order, shapes, types, and with numbers that are none."""
    if list(found) != list(wanted):
        yield f"outputs {list(found)} instead of {list(wanted)}"
        return
    for name, values in wanted.items():
        if (found[name].shape, found[name].dtype) != (values.shape, values.dtype):
            yield f"output '{name}': {found[name].dtype} {found[name].shape} instead of {values.dtype} {values.shape}"
        elif values.dtype.kind == "f" and not np.isfinite(found[name]).all():
            yield f"output '{name}' has numbers that are not finite"


def _not_the_same(what: str, found: Arrays, wanted: Arrays, *, exactly: bool) -> Iterator[str]:
    for name in found.keys() & wanted.keys():
        ours, theirs = found[name], wanted[name]
        if ours.shape != theirs.shape:
            yield f"output '{name}': {ours.shape}, {what} gives {theirs.shape}"
        elif exactly or ours.dtype.kind != "f":
            different = np.mean(ours != theirs)
            if different:
                yield f"output '{name}': {100 * different:.3g} % of it is not what {what} gives"
        else:
            off = np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1)
            if not off <= ROUNDING:
                yield f"output '{name}': {off:.3g} off what {what} gives"


def _of_report(result: attar.Result, verdict: Arrays, ours: Arrays, fresh: Arrays, answers: Arrays) -> Iterator[str]:
    """Yield where answers are not as the report says, on the verdict's samples and on others."""
    said = result.measurement.relative_error
    true = relative_error(list(verdict.values()), list(ours.values()))
    if not (np.isclose(said, true, rtol=1e-2, atol=1e-2) or said == true):
        yield f"the report says {said:.4g} % of error, the file has {true:.4g} %"
    floats = [name for name, values in fresh.items() if values.dtype.kind == "f" and values.ndim]
    off = max((_usual_error(fresh[name], answers[name]) for name in floats), default=0.0)
    if off > WORSE * said + SPARE:
        yield f"{off:.4g} % of error on fresh samples, the report says {said:.4g} %"


def _usual_error(wanted: np.ndarray, found: np.ndarray) -> float:
    """Return the relative error of most samples, percent: a single one may lie beyond every range that was seen."""
    z, off = (values.reshape(len(values), -1).astype(np.float64) for values in (wanted, found - wanted))
    power = np.sqrt(np.mean(np.sum(z * z, axis=1)))
    return 100 * float(np.median(np.linalg.norm(off, axis=1)) / max(power, np.finfo(np.float32).tiny))
