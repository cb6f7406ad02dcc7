"""The part of a network behind one inner tensor, run again and again while only that tensor changes."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ..errors import DataError, ModelError
from ..graph import layer_macs
from ..graph.extract import extract
from ..graph.flow import Flow, sources, subgraphs
from ..graph.readers import readers_of
from ..graph.sizes import inferred
from .rows import join
from .samples import filled, fixed_batch, sample_count
from .session import Session
from .stages import Stages


class Tail:
    """What stands behind one tensor; everything else has run once and is kept, for all samples.

    Attributes:
        values: the tensor as the network makes it, (samples, ...).
    """

    def __init__(self, model: ir.Model, tensor: str, inputs: Mapping[str, np.ndarray], *, threads: int = 0) -> None:
        """Run what does not depend on `tensor` (an operator's output or a graph input), and get the rest ready.

        Args:
            inputs: all samples, by input name; the first axis is the sample.
            threads: 0 for as many as there are cores.

        Raises:
            ModelError: there is no such tensor, its first axis is not the sample, or onnxruntime cannot run a part.
            DataError: no samples, not as many for every input, or inputs that don't fit the network.
        """
        samples, step = sample_count(inputs), fixed_batch(sources(model.graph)) or 1
        self._missing = -samples % step
        given = {name: filled(values, self._missing) if np.ndim(values) else values for name, values in inputs.items()}
        stages = Stages(model, given, threads=threads, memory_bytes=0)
        self._tensor, self._batch = tensor, stages.batch
        self._names = [value.name for value in model.graph.outputs]
        part = _Part(model, tensor)
        steady = [name for name in self._names if name not in part.outputs and name != tensor]
        batches = list(stages.batches([tensor, *part.live, *steady]))
        _check_samples(tensor, [batch[tensor] for batch in batches], samples + self._missing)
        self.values = self._joined([batch[tensor] for batch in batches])
        self._steady = {name: self._joined([np.atleast_1d(batch[name]) for batch in batches]) for name in steady}
        self._live = [{name: batch[name] for name in part.live} for batch in batches]
        self._session = part.session(batches[0], threads=threads)

    def outputs(self, values: np.ndarray) -> list[np.ndarray]:
        """Return the network's outputs once the tensor is `values`; every output's first axis is the sample.

        Raises:
            DataError: `values` differ in shape from the tensor, or an output is no tensor.
        """
        if values.shape != self.values.shape:
            raise DataError(f"tensor '{self._tensor}' is {self.values.shape}, not {values.shape}")
        changed = self._run(filled(values.astype(self.values.dtype, copy=False), self._missing))
        found = self._steady | changed | {self._tensor: values}
        return [found[name] for name in self._names]

    def _run(self, values: np.ndarray) -> dict[str, np.ndarray]:
        if self._session is None:
            return {}
        starts = range(0, len(values), self._batch)
        feeds = ({self._tensor: values[start : start + self._batch]} for start in starts)
        batches = [self._session.run(live | own) for live, own in zip(self._live, feeds, strict=True)]
        columns = zip(*batches, strict=True)
        return {name: self._joined(column) for name, column in zip(self._session.outputs, columns, strict=True)}

    def _joined(self, batches: list[np.ndarray] | tuple[np.ndarray, ...]) -> np.ndarray:
        """Return all batches, the samples that only filled the last one taken away."""
        joined = join(batches)
        return joined[: len(joined) - self._missing] if self._missing else joined


class _Part:
    """The operators behind a tensor.

    Attributes:
        outputs: names of the network's outputs that depend on the tensor.
        live: names of the other tensors that these operators read.
    """

    def __init__(self, model: ir.Model, tensor: str) -> None:
        self._model, self._flow = model, Flow(model.graph)
        start = _value(model.graph, tensor)
        behind = self._flow.behind([start])
        self._outputs = [value for value in dict.fromkeys(model.graph.outputs) if value in behind]
        self._nodes = self._flow.needed(self._outputs, self._kept(behind) | {start})
        made = {value for node in self._nodes for value in node.outputs}
        read = dict.fromkeys(value for node in self._nodes for value in self._flow.reads[node])
        self.outputs = [value.name for value in self._outputs]
        self.live = [v.name for v in read if v not in made and v is not start and not v.is_initializer()]

    def _kept(self, behind: set[ir.Value]) -> set[ir.Value]:
        """Return what is kept from the one run.

        What does not depend on the samples (constants, weights turned around) is cheaper computed again, and what is no
        tensor (a sequence) cannot be kept: their operators belong to the part.
        """
        given = sources(self._model.graph)
        types = {v.name: v.type for node in inferred(self._model, {}).graph for v in node.outputs if v.name}
        flowing = self._flow.behind(given) - behind
        return {v for v in flowing if isinstance(types.get(v.name), ir.TensorType | None)} | set(given)

    def session(self, seen: Mapping[str, np.ndarray], *, threads: int) -> Session | None:
        """Return the part ready to run, None where no output depends on the tensor; `seen` tells its inputs' types."""
        if not self._nodes:
            return None
        described = {name: (ir.DataType.from_numpy(values.dtype), values.ndim) for name, values in seen.items()}
        part = extract(self._model, self._flow, self._nodes, self._outputs, described)
        return Session(part, threads=threads)


def tail_macs(model: ir.Model, tensor: str, *, macs: Mapping[str, int | None] | None = None) -> int | None:
    """Return the multiply-accumulates per sample of the weight layers behind `tensor`; None where one is not known.

    A layer that is also read in front of the tensor counts in full. Nothing runs.

    Args:
        macs: what `layer_macs(model)` returned, for callers that ask about many tensors.

    Raises:
        ModelError: there is no such tensor.
    """
    flow = Flow(model.graph)
    nodes = {value.producer() for value in flow.behind([_value(model.graph, tensor)])}
    if any(True for node in nodes for _ in subgraphs(node)):  # how often a body runs is not known
        return None
    every = layer_macs(model) if macs is None else macs
    layers = {name: model.graph.initializers[name] for name in every}
    each = [every[name] for name, value in layers.items() if any(r.node in nodes for r in readers_of(value))]
    return None if None in each else sum(each)


def _check_samples(tensor: str, batches: list[np.ndarray], samples: int) -> None:
    if sum(len(values) if values.ndim else 0 for values in batches) != samples:
        raise ModelError(f"tensor '{tensor}' {batches[0].shape} of the first batch: its first axis is not the sample")


def _value(graph: ir.Graph, name: str) -> ir.Value:
    values = {value.name: value for value in sources(graph)}
    values |= {value.name: value for node in graph for value in node.outputs if value.name}
    if name not in values:
        raise ModelError(f"no tensor '{name}' among the {len(values)} that flow through the network")
    return values[name]
