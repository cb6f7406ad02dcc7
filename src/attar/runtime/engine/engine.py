"""Run a file's program: weights go from their streams into the kernels' layout; nothing else of the file is read."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import container
from ...codec.threads import in_threads
from ...container import AttarFile
from ...errors import DataError, FormatError
from ..ends import End, finished, from_plain
from ..given import named
from ..threads import thread_count, whole_number
from .native import KERNELS, MAX_MEMORY_BYTES, Machine, Wanted
from .whole import entry_of

if TYPE_CHECKING:
    from .parts import Parts

MOST_BYTES = (1 << 64) - 1
MOST_THREADS = 256  # of all programs of a file together
WORTH_THREADS = 1 << 25  # bytes of a file: below, threads take longer to come than they save


class Engine:
    """A program, ready to run: that of an `.attar` file, which takes no graph, no onnx and no onnxruntime.

    A file whose programs are parts of its graph takes all three: what is between them runs in onnxruntime, in floats.

    Args:
        source: path of an `.attar` file that has a program, the file's bytes, or the file opened; or path of a QDQ ONNX
            model, which is lowered first (and takes onnx for that).
        threads: 1 to 64; 0 for as many as there are cores. Their number changes no bit.
        kernels: the most able kind of kernel to use, one of `KERNELS`.
        max_memory_bytes: refuse programs that need more.

    Raises:
        DataError: an option that is not one of those above.
        FormatError: the file cannot be read or is damaged, or it has no program.
        ModelError: an ONNX model with an operator that is not in integers, or that the engine does not know; or a file
            whose graph has operators for onnxruntime, which is not installed.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | bytes | AttarFile,
        *,
        threads: int = 0,
        kernels: str = KERNELS[-1],
        max_memory_bytes: int = MAX_MEMORY_BYTES,
    ) -> None:
        limits = _limits(kernels, threads, max_memory_bytes)
        self.machine: Machine | Parts
        self._ends: tuple[End, ...] = ()
        self.preprocessing: dict[str, Any] | None = None
        self.class_names: list[str] | None = None
        if isinstance(source, str | os.PathLike) and Path(source).suffix == ".onnx":
            self.machine = Machine(_lowered(Path(source)), **limits)
            self.machine.ready()
            return
        file = source if isinstance(source, AttarFile) else container.open(source, graph=False)
        label = "the given bytes" if file.path is None else str(file.path)
        if not file.programs:
            raise FormatError(f"{label}: no program is inside; `attar compress --integer` writes one")
        self.preprocessing, self.class_names = file.preprocessing, file.class_names
        try:
            machines = _all_loaded(file, limits)
            self.machine = _with_the_rest(source, machines, limits["threads"]) if file.in_parts else machines[0]
            self._ends = _ends(file, self.machine)
        except FormatError as error:
            raise FormatError(f"{label}: {error}") from error

    def __call__(self, inputs: Any) -> dict[str, np.ndarray]:
        """Return the outputs by name for samples (samples, ...) of the only input, or for a mapping of all inputs.

        Arrays of any type of numbers, lists and tensors of torch are taken; what is not float32 is made so.

        Raises:
            DataError: an input is missing, has another shape than the program, is no array of numbers, or holds NaN.
        """
        found = self.machine.run(named(inputs, [port.name for port in self.machine.inputs]))
        return finished(self._ends, found) if self._ends else found


def _limits(kernels: str, threads: int, max_memory_bytes: int) -> dict[str, Any]:
    """Return what a machine may use."""
    if kernels not in KERNELS:
        raise DataError(f"kernels {kernels!r}: none of {', '.join(KERNELS)}")
    most = whole_number("max_memory_bytes", max_memory_bytes, MOST_BYTES)
    return {"kernels": kernels, "threads": thread_count(threads), "max_memory_bytes": most}


def _ends(file: AttarFile, machine: "Machine | Parts") -> tuple[End, ...]:
    """Return what the outputs of the file's program become; none where they are the network's."""
    ranks, ends = {port.name: len(port.shape) + 1 for port in machine.outputs}, from_plain(file.outputs or ())
    for end in ends:
        if end.source not in ranks or end.axes[1] >= ranks[end.source]:
            raise FormatError(f"output {end.name!r}: made of {end.source!r} over axes {end.axes}, which is no output")
    return ends


def _lowered(path: Path) -> bytes:
    """Return the section of a QDQ model."""
    from ...graph import load
    from ..integer import from_qdq
    from .build import section_of

    return section_of(from_qdq(load(path, fold=False)))


def _all_loaded(file: AttarFile, limits: Mapping[str, Any]) -> list[Machine]:
    """Return all programs of the file; memory and threads are for them together."""
    limits = {**limits, "threads": max(1, min(limits["threads"], MOST_THREADS // len(file.programs)))}
    machines = []
    for program in file.programs:
        machines.append(_loaded(program, file, limits))
        limits["max_memory_bytes"] = max(limits["max_memory_bytes"] - machines[-1].memory_bytes, 0)
    return machines


def _loaded(program: bytes, file: AttarFile, limits: Mapping[str, Any]) -> Machine:
    """Return a program of the file with its weights, ready to run."""
    machine = Machine(program, **limits)
    loaders = limits["threads"] if file.size_bytes >= WORTH_THREADS else 1
    in_threads(lambda each: _load(machine, *each, file), list(machine.wanted().items()), loaders)
    machine.ready()
    return machine


def _with_the_rest(
    source: str | os.PathLike[str] | bytes | AttarFile, machines: Sequence[Machine], threads: int
) -> "Parts":
    """Return the programs with the operators of the file's graph that run in floats."""
    from .parts import Parts

    file = source if isinstance(source, AttarFile) else container.open(source)
    parts = Parts(machines, file.model(threads=threads), threads=threads)
    parts.check()
    return parts


def _load(machine: Machine, number: int, wanted: Wanted, file: AttarFile) -> None:
    entry = entry_of(wanted, file.entries)
    if wanted.is_bias:
        machine.load_floats(number, file.tensor(entry.name))
        return
    found = file.quantized_rows(entry.name, columns=wanted.columns, element="int16" if wanted.is_wide else "int8")
    machine.load_floats(number, found.scales)
    first = 0
    for rows in found.pieces:
        machine.load_rows(number, first, rows)
        first += len(rows)
