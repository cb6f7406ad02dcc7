"""Run a network stage by stage while its weights change: what a stage starts from is kept, not computed again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

import numpy as np
import onnx_ir as ir

from ..errors import DataError, ModelError
from ..graph import set_initializer
from ..graph.extract import extract
from ..graph.flow import Flow, sources
from .batch import batch_size
from .checkpoint import Checkpoint, Collector
from .rows import join
from .samples import Samples, fixed_batch, sample_count
from .session import Session


class Stages:
    """A network whose layers are looked at, and changed, one after the other.

    All calls cut the samples into the same batches, which follow from the network and the inputs alone: the batches of
    the original and of the changed network belong together, whatever was asked of either before.

    Attributes:
        model: the network with its current weights, a copy of the one given (untouched tensors are shared).
        samples: number of samples. batch: samples in a batch; the last one may hold fewer.
    """

    def __init__(
        self, model: ir.Model, inputs: Mapping[str, np.ndarray], *, threads: int = 0, memory_bytes: int = 1 << 29
    ) -> None:
        """Get ready; nothing runs yet.

        Args:
            inputs: all samples, by input name; the first axis is the sample.
            threads: 0 for as many as there are cores.
            memory_bytes: what may be kept of inner values from call to call; twice that while one replaces them.

        Raises:
            DataError: no samples, or not as many for every input.
        """
        self.model = model.clone()
        self.samples = sample_count(inputs)
        self._threads, self._memory_bytes = threads, memory_bytes
        self._flow = Flow(self.model.graph)
        self._sources = tuple(sources(self.model.graph))
        self._values = {value.name: value for value in self._sources}
        self._values |= {value.name: value for node in self.model.graph for value in node.outputs if value.name}
        handed_out = {value.name: value for value in self.model.graph.outputs if value.is_initializer()}
        self._values = handed_out | self._values
        fixed = fixed_batch(self._sources)
        self.batch = batch_size(model, inputs, fixed)
        self._inputs = Samples(inputs, self.batch, full=fixed is not None)
        self._flowing = self._flow.behind(self._sources) | set(self._sources)
        self._no_tensors: set[ir.Value] = set()  # found out as sessions are built
        self._checkpoint = Checkpoint()

    def batches(self, tensors: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the tensors named (inner ones, graph inputs or outputs) batch by batch, under the current weights.

        Arrays may be the kept ones: read them, don't write into them. A tensor whose first axis is not the sample is
        what the network makes of each batch. Once the iterator is exhausted the next call starts where this one ended.

        Raises:
            ModelError: no tensor has that name, or onnxruntime cannot run the stage.
            DataError: an input is missing or does not fit, or a batch that had to be filled cannot be cut again because
                the tensor's first axis is not the sample.
        """
        unknown = [name for name in tensors if name not in self._values]
        if unknown:
            raise ModelError(f"no tensor '{unknown[0]}' among the {len(self._values)} that flow through the network")
        return self._run([self._values[name] for name in tensors])

    def replace(self, weights: Mapping[str, np.ndarray]) -> None:
        """Change initializers from here on; a call of `batches` that still runs goes on with the old ones.

        Raises:
            ModelError: there is no such initializer, or the shape differs.
        """
        for name, values in weights.items():
            set_initializer(self.model, name, values)
        changed = self._flow.behind(self.model.graph.initializers[name] for name in weights)
        # A new object: an iterator that began with the old weights sees that its values don't count any more.
        self._checkpoint = self._checkpoint.without(changed)

    def outputs_with(self, weights: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Return the outputs for all samples under other weights, run from what is kept; then all is as before.

        Raises:
            ModelError, DataError: as `replace` and `batches`.
        """
        initializers = self.model.graph.initializers
        kept, before = self._checkpoint, {name: initializers[name].const_value for name in weights}
        names = [value.name for value in self.model.graph.outputs]
        try:
            self.replace(weights)
            batches = list(self.batches(names))
        finally:
            self._checkpoint = kept
            for name, tensor in before.items():
                initializers[name].const_value = tensor
        flowing = {value.name for value in self._flowing}
        columns = {name: [batch[name] for batch in batches] for name in names}
        return [join(list(map(np.atleast_1d, each))) if name in flowing else each[0] for name, each in columns.items()]

    def _run(self, wanted: list[ir.Value]) -> Iterator[dict[str, np.ndarray]]:
        start = self._checkpoint
        nodes = self._flow.needed(wanted, start.values)
        made = dict.fromkeys(value for node in nodes for value in node.outputs if value not in start.values)
        done = self._done(start, nodes, made)
        live = [v for v in (*start.values, *made) if self._may_be_kept(v) and self._is_read_later(done, v)]
        fresh = [value for value in dict.fromkeys((*wanted, *live)) if value in made]
        session = self._session(start, nodes, fresh)
        strange = {value for value in fresh if value.name not in session.tensors}.difference(wanted)
        if strange:  # the frontier has to lie elsewhere
            self._no_tensors |= strange
            yield from self._run(wanted)
            return
        collector = Collector(len(self._inputs), self._memory_bytes)
        for index in range(len(self._inputs)):
            found = self._found(session, start, index)
            collector.add({value: found[value.name] for value in live})
            yield {value.name: self._cut(value, self._found_or_given(found, value, index), index) for value in wanted}
        following = collector.checkpoint(done)
        if following and self._checkpoint is start:
            self._checkpoint = following

    def _done(self, start: Checkpoint, nodes: list[ir.Node], made: Iterable[ir.Value]) -> set[ir.Node]:
        """Return the operators that need not run again once their results that are read later are kept.

        What does not depend on the samples (weights turned around) and what is no tensor (a sequence) is cheaper
        computed again, or cannot be kept: its operators are never done.
        """
        done = start.done | set(nodes)
        while True:
            lost = (value for value in made if not self._may_be_kept(value) and self._is_read_later(done, value))
            again = {value.producer() for value in lost} & done
            if not again:
                return done
            done -= again

    def _may_be_kept(self, value: ir.Value) -> bool:
        return value in self._flowing and value not in self._no_tensors

    def _is_read_later(self, done: Set[ir.Node], value: ir.Value) -> bool:
        return any(node not in done for node in self._flow.readers.get(value, ()))

    def _session(self, start: Checkpoint, nodes: list[ir.Node], outputs: list[ir.Value]) -> Session | None:
        if not outputs:
            return None
        given = {value.name: arrays[0] for value, arrays in start.values.items()}
        described = {name: (ir.DataType.from_numpy(array.dtype), array.ndim) for name, array in given.items()}
        return Session(extract(self.model, self._flow, nodes, outputs, described), threads=self._threads)

    def _found(self, session: Session | None, start: Checkpoint, index: int) -> dict[str, np.ndarray]:
        """Return the inner values of one batch: those kept and those that the session makes of them."""
        kept = {value.name: arrays[index] for value, arrays in start.values.items()}
        if session is None:
            return kept
        feeds = {name: kept[name] if name in kept else self._inputs.batch(name, index) for name in session.inputs}
        return kept | dict(zip(session.outputs, session.run_exactly(feeds), strict=True))

    def _found_or_given(self, found: Mapping[str, np.ndarray], value: ir.Value, index: int) -> np.ndarray:
        if value in self._sources:
            return self._inputs.batch(value.name, index)
        return value.const_value.numpy() if value.is_initializer() else found[value.name]

    def _cut(self, value: ir.Value, values: np.ndarray, index: int) -> np.ndarray:
        """Take away the samples that only filled the batch."""
        missing = self._inputs.missing(index)
        if not missing or value not in self._flowing or not values.ndim:
            return values
        if values.shape[:1] != (self.batch,):
            raise DataError(
                f"tensor '{value.name}': the last batch was filled with {missing} samples that cannot be cut off "
                f"again: its shape {values.shape} does not begin with the batch of {self.batch}; "
                f"give a multiple of {self.batch} samples"
            )
        return values[: self.batch - missing]
