"""Run a network in parts: programs in the engine, the operators between them in onnxruntime, in floats."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from ...errors import DataError, ModelError
from ...graph.extract import extract
from ...graph.flow import Flow, sources
from ..batch import batch_size
from ..given import samples_of
from ..rows import Rows
from ..samples import Samples, fixed_batch, sample_count
from .native import Machine, Port

if TYPE_CHECKING:
    from ..session import Session


class Parts:
    """Programs in their order, and the graph that they are parts of; what it has beside them runs in floats.

    Has what a Machine has for whoever runs it.

    Attributes:
        types: of the network's inputs, by name.
        between: the operators in floats before every program, and behind the last one.

    Args:
        machines: ready to run; their inputs and outputs have the names of the graph's tensors.
        model: the network. threads: of onnxruntime, 0 for as many as there are cores.

    Raises:
        ModelError: the graph has no tensor of a name that a program speaks of.
    """

    def __init__(self, machines: Sequence[Machine], model: ir.Model, *, threads: int = 1) -> None:
        self._machines, self._model, self._threads = tuple(machines), model, threads
        self._flow = Flow(model.graph)
        self._values = {value.name: value for value in (*model.graph.inputs, *self._made())}
        self._rows = Rows(model.graph)
        self._given = {value: value.const_value.numpy() for value in model.graph.outputs if value.is_initializer()}
        wanted = [tuple(self._value(port) for port in machine.inputs) for machine in machines]
        self._wanted = [*wanted, tuple(model.graph.outputs)]
        self.between = self._between()
        self._sessions: dict[int, Session] = {}
        self.inputs, self.outputs = _ports(sources(model.graph)), _ports(model.graph.outputs)
        self.types = {value.name: value.dtype.numpy() for value in sources(model.graph) if value.dtype is not None}

    def check(self) -> None:
        """Raises ModelError where onnxruntime is wanted and not installed."""
        kinds = sorted({node.op_type for nodes in self.between for node in nodes})
        if kinds and find_spec("onnxruntime") is None:
            raise ModelError(f"operators {', '.join(kinds)} run in onnxruntime, which is not installed")

    @property
    def arena_bytes(self) -> int:
        """Bytes of all activations of the programs."""
        return sum(machine.arena_bytes for machine in self._machines)

    @property
    def memory_bytes(self) -> int:
        """Bytes of everything that the engine has; what onnxruntime takes comes on top."""
        return sum(machine.memory_bytes for machine in self._machines)

    @property
    def operators(self) -> list[tuple[str, str, int]]:
        """Those of the programs: kind, kind of kernel and elements of the output of every operator, in order."""
        return [operator for machine in self._machines for operator in machine.operators]

    @property
    def slower(self) -> list[str]:
        """Why operators of the programs run slower kernels than others of their kind, in order."""
        return [reason for machine in self._machines for reason in machine.slower]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the network's outputs (samples, ...) for inputs (samples, ...).

        Raises:
            DataError: an input is missing, does not fit, or holds NaN.
        """
        missing = [port.name for port in self.inputs if port.name not in inputs]
        if missing:
            raise DataError(f"the network needs input '{missing[0]}', which was not given: {', '.join(inputs)} were")
        given = {port.name: self._samples(port.name, inputs[port.name]) for port in self.inputs}
        fixed = fixed_batch(sources(self._model.graph))
        step = batch_size(self._model, given, fixed)
        found = self._batches(Samples(given, step, full=bool(fixed)))
        if len(found) > 1 and not fixed and not self._rows.are_samples(found[0], step):
            found = self._batches(Samples(given, sample_count(given), full=False))  # as a Session does
        return dict(zip((port.name for port in self.outputs), self._rows.joined(found), strict=True))

    def _samples(self, name: str, values: Any) -> np.ndarray:
        return samples_of(name, values, self._values[name].dtype.numpy())

    def _batches(self, samples: Samples) -> list[list[np.ndarray]]:
        """Return the outputs batch by batch, without the rows of samples that only fill the last one."""
        found = []
        for index in range(len(samples)):
            held = self._run_batch({port.name: samples.batch(port.name, index) for port in self.inputs})
            outputs = self._rows.with_an_axis([held[value] for value in self._model.graph.outputs])
            missing = samples.missing(index)
            found.append(self._rows.first(outputs, samples.step - missing) if missing else outputs)
        return found

    def _run_batch(self, inputs: Mapping[str, np.ndarray]) -> dict[ir.Value, np.ndarray]:
        held = {self._values[name]: values for name, values in inputs.items()} | self._given
        for number, wanted in enumerate(self._wanted):
            held |= self._in_floats(number, held)
            if number < len(self._machines):
                found = self._machines[number].run({value.name: held[value] for value in wanted})
                held |= {self._values[name]: values for name, values in found.items()}
        return held

    def run_operator(self, number: int) -> None:
        """Run one operator of the programs on what its arena holds."""
        for machine in self._machines:
            count = len(machine.operators)
            if number < count:
                machine.run_operator(number)
                return
            number -= count

    def _made(self) -> list[ir.Value]:
        return [value for node in self._flow.reads for value in node.outputs]

    def _value(self, port: Port) -> ir.Value:
        if port.name not in self._values:
            raise ModelError(f"program: it speaks of tensor '{port.name}', which the graph has not got")
        return self._values[port.name]

    def _between(self) -> tuple[tuple[ir.Node, ...], ...]:
        """Return the operators in floats before every program, and behind the last one."""
        known, found = {*sources(self._model.graph), *self._given}, []
        for number, wanted in enumerate(self._wanted):
            nodes = self._flow.needed(wanted, known)
            found.append(tuple(nodes))
            known |= {value for node in nodes for value in node.outputs} & set(wanted)
            if number < len(self._machines):
                known |= {self._value(port) for port in self._machines[number].outputs}
        return tuple(found)

    def _in_floats(self, number: int, held: Mapping[ir.Value, np.ndarray]) -> dict[ir.Value, np.ndarray]:
        """Return what the next program wants and nobody has made so far."""
        made = [value for value in self._wanted[number] if value not in held]
        if not made:
            return {}
        if number not in self._sessions:
            self._sessions[number] = self._session(self.between[number], made, held)
        session = self._sessions[number]
        feeds = {name: held[self._values[name]] for name in session.inputs}
        return dict(zip(made, session.run_exactly(feeds), strict=True))

    def _session(
        self, nodes: Sequence[ir.Node], made: Sequence[ir.Value], held: Mapping[ir.Value, np.ndarray]
    ) -> "Session":
        """Return what runs some operators; the first samples tell the types of what they read."""
        from ..session import Session

        given = {value.name: (ir.DataType.from_numpy(values.dtype), values.ndim) for value, values in held.items()}
        return Session(extract(self._model, self._flow, nodes, made, given), threads=self._threads)


def _ports(values: Sequence[ir.Value]) -> tuple[Port, ...]:
    """Return names and the extents of a sample; 0 where one is free."""
    shapes = [tuple(value.shape or ())[1:] for value in values]
    return tuple(
        Port(value.name, tuple(extent if isinstance(extent, int) else 0 for extent in shape))
        for value, shape in zip(values, shapes, strict=True)
    )
