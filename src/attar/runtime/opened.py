"""A compressed file, open: its tensors, its graph, and a way to run it."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx_ir as ir

from .. import container
from ..errors import FormatError
from .session import Session


class Opened:
    """An `.attar` file: `file` has its entries and tensors, `model` its graph, and calling it runs that graph.

    That is the network in floats, in onnxruntime, also where the file has a program beside its graph: a program, which
    `attar run`, `verify` and `eval` run, is for `attar.Engine`.
    """

    def __init__(self, source: str | Path | bytes, *, threads: int = 0) -> None:
        self.file = container.open(source)
        self._threads = threads

    @cached_property
    def model(self) -> ir.Model:
        """The decoded network.

        Raises:
            FormatError: the file holds weights only, or is damaged.
        """
        if not self.file.has_graph:
            raise FormatError(f"{self.file.path or 'the file'}: holds weights only, no graph that could run")
        return self.file.model()

    @cached_property
    def session(self) -> Session:
        """The network, ready to run."""
        return Session(self.model, threads=self._threads)

    def __call__(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs by name for samples (samples, ...) of the only input, or for a mapping of all inputs."""
        feeds = inputs if isinstance(inputs, Mapping) else {next(iter(self.session.inputs)): inputs}
        return dict(zip(self.session.outputs, self.session.run_all(feeds), strict=True))
