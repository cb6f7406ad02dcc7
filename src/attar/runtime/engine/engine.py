"""Run a file's program: weights go from their streams into the kernels' layout; nothing else of the file is read."""

import os
from collections.abc import Mapping

import numpy as np

from ... import container
from ...container import AttarFile, TensorEntry
from ...errors import DataError, FormatError
from .native import KERNELS, MAX_MEMORY_BYTES, Machine, Wanted


class Engine:
    """A file's program, ready to run: no graph, no onnx, no onnxruntime.

    Args:
        source: path of an `.attar` file that has a program, or the file's bytes.
        threads: 1 to 64; 0 for as many as there are cores. Their number changes no bit.
        kernels: the most able kind of kernel to use, one of `KERNELS`.
        max_memory_bytes: refuse programs that need more.

    Raises:
        FormatError: the file cannot be read or is damaged, or it has no program.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        threads: int = 0,
        kernels: str = KERNELS[-1],
        max_memory_bytes: int = MAX_MEMORY_BYTES,
    ) -> None:
        file = container.open(source, graph=False)
        label = "the given bytes" if file.path is None else str(file.path)
        if file.program is None:
            raise FormatError(f"{label}: no program is inside; `attar compress --integer` writes one")
        self.preprocessing, self.class_names = file.preprocessing, file.class_names
        threads = threads or len(os.sched_getaffinity(0))
        try:
            self.machine = Machine(file.program, kernels=kernels, threads=threads, max_memory_bytes=max_memory_bytes)
            for number, wanted in self.machine.wanted().items():
                _load(self.machine, number, wanted, file, threads)
            self.machine.ready()
        except FormatError as error:
            raise FormatError(f"{label}: {error}") from error

    def __call__(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name for samples (samples, ...) of the only input, or for a mapping of all inputs.

        Raises:
            DataError: an input is missing, has another shape than the program, or holds NaN.
        """
        if isinstance(inputs, Mapping):
            return self.machine.run(inputs)
        if len(self.machine.inputs) != 1:
            names = ", ".join(port.name for port in self.machine.inputs)
            raise DataError(f"the program has {len(self.machine.inputs)} inputs ({names}); give a mapping of them")
        return self.machine.run({self.machine.inputs[0].name: inputs})


def _load(machine: Machine, number: int, wanted: Wanted, file: AttarFile, threads: int) -> None:
    if wanted.place >= len(file.entries):
        raise FormatError(f"program: it wants tensor {wanted.place} of the table, which has {len(file.entries)}")
    entry = file.entries[wanted.place]
    if wanted.is_bias:
        machine.load_floats(number, _bias(file, entry, wanted))
        return
    if np.prod(entry.shape, dtype=np.int64) != wanted.rows * wanted.columns or not entry.shape:
        raise FormatError(
            f"program: weights of {wanted.rows} x {wanted.columns} wanted, {entry.name!r} is {entry.shape}"
        )
    found = file.quantized(entry.name, element="int16" if wanted.is_wide else "int8", threads=threads)
    machine.load_floats(number, found.scales)
    machine.load_rows(number, 0, found.integers.reshape(wanted.rows, wanted.columns))


def _bias(file: AttarFile, entry: TensorEntry, wanted: Wanted) -> np.ndarray:
    if entry.dtype != np.float32 or entry.shape != (wanted.rows,):
        raise FormatError(
            f"program: a bias of {wanted.rows} float32 wanted, {entry.name!r} is {entry.dtype} {entry.shape}"
        )
    return file.tensor(entry.name)
