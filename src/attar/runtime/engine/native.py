"""The native engine with its errors turned into attar's: it opens a section, loads constants, runs samples."""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ... import _native
from ...errors import DataError, FormatError
from ..given import samples_of
from .slower import why_slower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...numerics.formats import Format

MAX_MEMORY_BYTES = 8 << 30  # the default of an engine's own limit
KERNELS = tuple(_native.isas())  # kinds of processor that kernels of this one are written for, the plainest first


class Port(NamedTuple):
    """A tensor that comes in or goes out: its name and the extents of one sample."""

    name: str
    shape: tuple[int, ...]


class Wanted(NamedTuple):
    """What a constant has to be loaded with: the place of a tensor in the table, and how it is seen as a matrix.

    Attributes:
        is_wide: whether its integers may take 16 bits. scales: how many steps it may have beside a single one.
    """

    place: int
    is_bias: bool
    is_wide: bool
    rows: int
    columns: int
    scales: int


class Held(NamedTuple):
    """A tensor of a section: its format, its extents in memory, its place in the arena."""

    format: "Format"
    dims: tuple[int, ...]
    offset: int


class Machine:
    """One program in memory.

    Args:
        section: the program's bytes. kernels: the most able kind to use, one of KERNELS. threads: 1 to 64.
        max_memory_bytes: refuse programs that need more.

    Raises:
        FormatError: the section is malformed, or wants more memory than the limit.
    """

    def __init__(
        self, section: bytes, *, kernels: str = KERNELS[-1], threads: int = 1, max_memory_bytes: int = MAX_MEMORY_BYTES
    ) -> None:
        self._kernels = kernels
        try:
            self._native = _native.Engine(np.frombuffer(section, np.uint8), kernels, threads, max_memory_bytes)
            self._idle = [self._native.arena()]
            self.inputs, self.outputs = _ports(self._native.inputs), _ports(self._native.outputs)
        except (ValueError, MemoryError) as error:
            raise FormatError(f"program section of {len(section):,} bytes: {error}") from error

    @property
    def arena_bytes(self) -> int:
        """Bytes of all activations."""
        return self._native.arena_bytes

    @property
    def memory_bytes(self) -> int:
        """Bytes of everything that the engine has: arena, weights as the kernels want them, a little beside."""
        return self._native.memory_bytes

    @property
    def operators(self) -> list[tuple[str, str, int]]:
        """Kind, kind of kernel and elements of the output of every operator, in order."""
        return self._native.operators

    @property
    def slower(self) -> list[str]:
        """Why every operator runs a slower kernel than others of its kind, in order; empty where it does not."""
        facts = zip(self._native.operators, self._native.widths, strict=True)
        return [why_slower(kernels, *widths, best=self._kernels) for (_, kernels, _), widths in facts]

    @property
    def tensors(self) -> list[Held]:
        """All tensors of the section."""
        return [_held(*each) for each in self._native.tensors]

    @property
    def wiring(self) -> list[tuple[int, int, tuple[int, ...]]]:
        """The kind's number, the tensor that it writes and those that it reads of every operator, in order."""
        return self._native.wiring

    @property
    def ends(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The tensors of the inputs and of the outputs."""
        return self._native.ends

    def wanted(self) -> dict[int, Wanted]:
        """Return what has to be loaded, by the number of the constant."""
        found = {number: self._native.wanted(number) for number in range(self._native.constant_count)}
        return {number: Wanted(*each) for number, each in found.items() if each is not None}

    def load_rows(self, number: int, first: int, rows: np.ndarray) -> None:
        """Load consecutive rows (rows, columns) of integers, int8 or int16."""
        load = self._native.load_rows8 if rows.dtype == np.int8 else self._native.load_rows
        _checked(f"weights {number}", load, number, first, np.ascontiguousarray(rows))

    def load_floats(self, number: int, values: np.ndarray) -> None:
        """Load the steps of a tensor of integers, or a bias."""
        _checked(f"constant {number}", self._native.load_floats, number, np.ascontiguousarray(values, np.float32))

    def ready(self) -> None:
        """Check that everything is there and fits its accumulators."""
        _checked("program section", self._native.ready)

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Return float32 outputs (samples, ...) for float inputs (samples, ...).

        Raises:
            DataError: an input is missing, has another shape than the program, or holds NaN.
        """
        return self._run(inputs, np.float32, self._native.set_floats, self._native.get_floats)

    def run_integers(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Return integer outputs (int32) for integer inputs (samples, ...).

        Raises:
            DataError: as `run`, or an integer that the input's format does not have.
        """
        return self._run(inputs, np.int32, self._native.set_integers, self._native.get_integers)

    def run_operator(self, number: int) -> None:
        """Run one operator on what the arena of the last run holds."""
        with self._arena() as arena:
            self._native.run_one(arena, number)

    def _run(self, inputs: Mapping[str, Any], kind: type, put: "Callable", get: "Callable") -> dict[str, np.ndarray]:
        given = [_samples(port, inputs, kind) for port in self.inputs]
        counts = {len(values) for values in given}
        if len(counts) != 1 or 0 in counts:
            raise DataError(f"the inputs have {sorted(counts)} samples; they need equally many, one at least")
        samples = counts.pop()
        rows = [np.empty((samples, prod(port.shape)), kind) for port in self.outputs]  # rows, so that all are written
        with self._arena() as arena:
            for sample in range(samples):
                for number, (port, values) in enumerate(zip(self.inputs, given, strict=True)):
                    _set(port, put, arena, number, values[sample].reshape(-1))
                self._native.run(arena)
                for number, values in enumerate(rows):
                    get(arena, number, values[sample])
        ends = zip(self.outputs, rows, strict=True)
        return {port.name: values.reshape(samples, *port.shape) for port, values in ends}

    @contextmanager
    def _arena(self) -> "Iterator[_native.Arena]":
        """Lend the arena that was idle last, one more where none is: calls at a time never meet in one."""
        try:
            arena = self._idle.pop()
        except IndexError:
            arena = self._native.arena()
        try:
            yield arena
        finally:
            self._idle.append(arena)


def _ports(found: Sequence[tuple[bytes, tuple[int, ...]]]) -> tuple[Port, ...]:
    return tuple(Port(name.decode(), tuple(shape)) for name, shape in found)


def _held(bits: int, signed: bool, zero: int, scale: float, dims: tuple[int, ...], offset: int) -> Held:
    from ...numerics.formats import Format  # takes longer than loading a small file, and few ask

    least = Format(bits, signed, scale).low
    return Held(Format(bits, signed, scale, zero + least), dims, offset)


def _checked(what: str, call: "Callable", *arguments: object) -> None:
    try:
        call(*arguments)
    except ValueError as error:
        raise FormatError(f"{what}: {error}") from error


def _samples(port: Port, inputs: Mapping[str, Any], kind: type) -> np.ndarray:
    if port.name not in inputs:
        raise DataError(f"the program needs input '{port.name}', which was not given: {', '.join(inputs)} were")
    values = samples_of(port.name, inputs[port.name], np.dtype(kind))
    if values.shape[1:] != port.shape:
        raise DataError(f"input '{port.name}': {values.dtype} {values.shape[1:]} given, {port.shape} wanted")
    return values


def _set(port: Port, put: "Callable", arena: "_native.Arena", number: int, values: np.ndarray) -> None:
    try:
        put(arena, number, values)
    except ValueError as error:
        reason = "it holds NaN, or an integer that its format does not have"
        raise DataError(f"input '{port.name}': {reason} ({error})") from error
