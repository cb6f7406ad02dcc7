"""A compressed file, open: its tensors, its graph, and a way to run it."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from ..errors import FormatError
from ..files.limits import memory_limit
from .engine.whole import open_whole
from .given import check_known, named, samples_of
from .session import Session
from .threads import thread_count


class Opened:
    """An `.attar` file: `file` has its entries and tensors, `model` its graph, and calling it runs that graph.

    That is the network in floats, in onnxruntime, also where the file has a program beside its graph: a program, which
    `attar run`, `verify` and `eval` run, is for `attar.Engine`.

    Tensors of the file may take `max_memory_bytes`; None weighs them against its size (docs/format.md).

    Raises:
        FormatError: the file cannot be read, or is damaged. DataError: `threads` that are not within 0 to 64.
    """

    def __init__(self, source: str | Path | bytes, *, threads: int = 0, max_memory_bytes: int | None = None) -> None:
        thread_count(threads)  # none that could not be meant
        self._threads, self._max_memory_bytes = threads, max_memory_bytes
        with memory_limit(max_memory_bytes):
            self.file = open_whole(source)

    @cached_property
    def model(self) -> ir.Model:
        """The decoded network.

        Raises:
            FormatError: the file holds weights only, or is damaged.
        """
        if not self.file.has_graph:
            raise FormatError(f"{self.file.path or 'the file'}: holds weights only, no graph that could run")
        with memory_limit(self._max_memory_bytes):
            return self.file.model()

    @cached_property
    def session(self) -> Session:
        """The network, ready to run."""
        return Session(self.model, threads=self._threads)

    def __call__(self, inputs: Any) -> dict[str, np.ndarray]:
        """Return the outputs by name for samples (samples, ...) of the only input, or for a mapping of all inputs.

        Arrays of any type of numbers, lists and tensors of torch are taken as `attar.Engine` takes them.

        Raises:
            DataError: an input is missing, is no array of numbers, or does not fit the network.
        """
        wanted = self.session.inputs
        given = named(inputs, list(wanted))
        check_known(given, list(wanted))  # a program knows only those that it reads, so that an engine takes more
        feeds = {name: samples_of(name, given[name], kind) for name, (_, kind) in wanted.items()}
        return dict(zip(self.session.outputs, self.session.run_all(feeds), strict=True))
