"""One onnxruntime session over one graph, with weights that may be swapped from run to run."""

import ctypes
import os
from collections.abc import Iterator, Mapping
from weakref import WeakSet

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort

from ..errors import DataError, ModelError, first_line
from ..graph import serialize
from .batch import batch_size
from .lend import lend
from .rows import Rows


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
        self._model, self._threads, self._swappable = model, threads, swappable
        self._session = self._opened()
        OPEN.add(self)
        self._batch = 0  # settled by the first samples
        self._rows = Rows(model.graph)
        initializers = set(swappable)
        asked = [x for x in self._session.get_inputs() if x.name not in initializers]
        self.inputs: dict[str, tuple[tuple[int | None, ...], np.dtype]] = {
            x.name: (tuple(e if isinstance(e, int) else None for e in x.shape), _numpy_type(x.type)) for x in asked
        }
        self.outputs: tuple[str, ...] = tuple(x.name for x in self._session.get_outputs())
        self.tensors = frozenset(x.name for x in self._session.get_outputs() if x.type.startswith("tensor"))

    def _opened(self) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 4
        # A thread that spins between two runs takes a core from the arithmetic that stands there.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        data, self._lent = self._serialized()
        if self._lent:
            values = [ort.OrtValue.ortvalue_from_numpy(values) for values in self._lent.values()]
            options.add_external_initializers(list(self._lent), values)
        try:
            return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a family of types without a common base
            raise ModelError(f"onnxruntime cannot run the network: {first_line(error)}") from error

    def _serialized(self) -> tuple[bytes, dict[str, np.ndarray]]:
        """Return the network, and the weights that it is lent."""
        if self._swappable:
            return serialize(_with_swappable(self._model, self._swappable)), {}
        return lend(self._model)

    def leave_behind(self) -> None:
        """In the child of a fork: keep what onnxruntime has of the parent for ever, and begin anew with the next run.

        Its threads are the parent's, and it would wait for them without end, be it to run or to go.
        """
        if self._session is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
        self._session = None

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
        return self._rows.with_an_axis(self.run_exactly(feeds))

    def run_exactly(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs for one batch as they are.

        Raises:
            DataError: the inputs don't fit the network.
        """
        if self._session is None:
            self._session = self._opened()
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
        """Return the outputs for all samples: each of its batches one behind the other, a constant one as it is.

        Where the batch is free and a batch has other rows than its samples, all samples run at once: rows whose number
        depends on the data speak of the samples of one run.
        """
        batches = list(self.batches(inputs, weights=weights))
        if len(batches) > 1 and not self.fixed_batch and not self._rows.are_samples(batches[0], self._batch):
            batches = [self.run({**inputs, **(weights or {})})]
        return self._rows.joined(batches)

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
            missing = max(start + step - count, 0) if self.fixed_batch else 0
            if missing > 0:  # a network with a fixed batch gets the last sample again until the batch is full
                feeds = {n: np.concatenate([v, np.repeat(v[-1:], missing, axis=0)]) for n, v in feeds.items()}
            outputs = self.run({**feeds, **(weights or {})})
            yield self._rows.first(outputs, step - missing) if missing else outputs


OPEN: WeakSet[Session] = WeakSet()


def _leave_all_behind() -> None:
    for session in list(OPEN):
        session.leave_behind()


os.register_at_fork(after_in_child=_leave_all_behind)


def _with_swappable(model: ir.Model, names: tuple[str, ...]) -> ir.Model:
    """Initializers that are graph inputs too are defaults, which a caller of onnxruntime may override."""
    copy = model.clone()
    listed = {value.name for value in copy.graph.inputs}
    for name in names:
        if name not in listed:
            copy.graph.inputs.append(copy.graph.initializers[name])
    copy.ir_version = max(copy.ir_version, 4)  # the first version with overridable initializers
    return copy


def _numpy_type(name: str) -> np.dtype:
    """Turn onnxruntime's "tensor(float)" into a numpy type."""
    word = name.removeprefix("tensor(").removesuffix(")")
    word = {"float": "FLOAT", "double": "DOUBLE"}.get(word, word.upper())
    if word not in onnx.TensorProto.DataType.keys():  # noqa: SIM118 - a protobuf enum, not a dict
        return np.dtype(object)
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(onnx.TensorProto.DataType.Value(word)))
