"""One onnxruntime session over one graph, with weights that may be swapped from run to run."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort

from ..errors import DataError, ModelError, first_line
from ..graph import serialize
from ..graph.flow import steady_outputs
from .batch import batch_size
from .lend import lend


class Session:
    """A network ready to run.

    Attributes:
        inputs: names, shapes (None where free) and numpy types of the inputs that a caller must give.
        outputs: names of the outputs. tensors: those among them that are tensors, not sequences or the like.
    """

    def __init__(self, model: ir.Model, *, threads: int = 0, swappable: tuple[str, ...] = ()) -> None:
        """Build the session; large weights stay where they are, and nobody may write into them while it lives.

        Args:
            threads: 0 for as many as there are cores.
            swappable: initializers that `run` may replace; onnxruntime then folds nothing into them.

        Raises:
            ModelError: onnxruntime cannot run the network.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        # A thread that spins between two runs takes a core from the arithmetic that stands there.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        data, self._lent = (serialize(_with_swappable(model, swappable)), {}) if swappable else lend(model)
        if self._lent:
            values = [ort.OrtValue.ortvalue_from_numpy(values) for values in self._lent.values()]
            options.add_external_initializers(list(self._lent), values)
        try:
            self._session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a family of types without a common base
            raise ModelError(f"onnxruntime cannot run the network: {first_line(error)}") from error
        self._model, self._batch = model, 0  # settled by the first samples
        self._steady = steady_outputs(model.graph)
        initializers = set(swappable)
        asked = [x for x in self._session.get_inputs() if x.name not in initializers]
        self.inputs: dict[str, tuple[tuple[int | None, ...], np.dtype]] = {
            x.name: (tuple(e if isinstance(e, int) else None for e in x.shape), _numpy_type(x.type)) for x in asked
        }
        self.outputs: tuple[str, ...] = tuple(x.name for x in self._session.get_outputs())
        self.tensors = frozenset(x.name for x in self._session.get_outputs() if x.type.startswith("tensor"))

    @property
    def fixed_batch(self) -> int | None:
        """The batch that the network insists on; None where it is free."""
        shapes = [shape for shape, _ in self.inputs.values() if shape]
        return shapes[0][0] if shapes else None

    def run(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs for one batch; a single number that depends on samples becomes an array of one.

        Raises:
            DataError: the inputs don't fit the network.
        """
        found = zip(self.outputs, self.run_exactly(feeds), strict=True)
        return [values if name in self._steady else np.atleast_1d(values) for name, values in found]

    def run_exactly(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs for one batch as they are.

        Raises:
            DataError: the inputs don't fit the network.
        """
        try:
            outputs = self._session.run(None, dict(feeds))
        except Exception as error:
            raise DataError(f"onnxruntime refuses the inputs: {first_line(error)}") from error
        for name, values in zip(self.outputs, outputs, strict=True):
            if not isinstance(values, np.ndarray):
                raise DataError(f"output '{name}' is a {type(values).__name__}, not a tensor; cut the network before")
        return outputs

    def run_all(
        self, inputs: Mapping[str, np.ndarray], *, weights: Mapping[str, np.ndarray] | None = None
    ) -> list[np.ndarray]:
        """Return the outputs for all samples; every output's first axis is the sample, where it depends on samples."""
        columns = zip(*self.batches(inputs, weights=weights), strict=True)
        return [
            column[0] if name in self._steady else join(column)
            for name, column in zip(self.outputs, columns, strict=True)
        ]

    def batches(
        self, inputs: Mapping[str, np.ndarray], *, weights: Mapping[str, np.ndarray] | None = None
    ) -> Iterator[list[np.ndarray]]:
        """Yield the outputs batch by batch, a last batch that is not full cut to its samples.

        Raises:
            DataError: no samples, not as many for every input, or inputs that don't fit the network.
        """
        counts = {name: len(values) for name, values in inputs.items()}
        count = next(iter(counts.values()), 0)
        if count == 0 or set(counts.values()) != {count}:
            raise DataError(f"every input needs the same number of samples, one at least: {counts}")
        step = self._batch = self._batch or batch_size(self._model, inputs, self.fixed_batch)
        for start in range(0, count, step):
            feeds = {name: values[start : start + step] for name, values in inputs.items()}
            missing = start + step - count if self.fixed_batch else 0
            if missing > 0:  # a network with a fixed batch gets the last sample again until the batch is full
                feeds = {n: np.concatenate([v, np.repeat(v[-1:], missing, axis=0)]) for n, v in feeds.items()}
            outputs = self.run({**feeds, **(weights or {})})
            yield self._cut(outputs, step - missing) if missing > 0 else outputs

    def _cut(self, outputs: list[np.ndarray], samples: int) -> list[np.ndarray]:
        """Take away the samples that only filled the batch."""
        return [out if name in self._steady else out[:samples] for name, out in zip(self.outputs, outputs, strict=True)]


def _with_swappable(model: ir.Model, names: tuple[str, ...]) -> ir.Model:
    """Initializers that are graph inputs too are defaults, which a caller of onnxruntime may override."""
    copy = model.clone()
    listed = {value.name for value in copy.graph.inputs}
    for name in names:
        if name not in listed:
            copy.graph.inputs.append(copy.graph.initializers[name])
    copy.ir_version = max(copy.ir_version, 4)  # the first version with overridable initializers
    return copy


def join(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the batches of one output, one behind the other.

    Raises:
        DataError: they differ in more than the number of samples.
    """
    if len(parts) == 1:
        return np.asarray(parts[0])
    try:
        return np.concatenate(parts)
    except ValueError as error:
        raise DataError(f"an output changes its shape from batch to batch: {error}") from error


def _numpy_type(name: str) -> np.dtype:
    """Turn onnxruntime's "tensor(float)" into a numpy type."""
    word = name.removeprefix("tensor(").removesuffix(")")
    word = {"float": "FLOAT", "double": "DOUBLE"}.get(word, word.upper())
    if word not in onnx.TensorProto.DataType.keys():  # noqa: SIM118 - a protobuf enum, not a dict
        return np.dtype(object)
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(onnx.TensorProto.DataType.Value(word)))
