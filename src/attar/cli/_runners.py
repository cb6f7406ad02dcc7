"""What runs a file: its program on attar's engine, or its graph in onnxruntime. `run`, `verify` and `eval` ask here,
so that what is measured is what runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..files.limits import limits
from ._common import is_attar, load_either

if TYPE_CHECKING:
    import onnx_ir as ir

    from ..container import AttarFile
    from ..evaluate import Dataset, Task

Kind = Literal["program", "graph"]
WORDS: dict[Kind, str] = {"program": "in integers, as it runs", "graph": "its graph, in floats"}


@dataclass(frozen=True)
class Runner:
    """A way to run a file.

    Attributes:
        kind: whether it is the program, in integers (in parts, where some operators stay in floats), or the graph.
        inputs: shape (None where free) and type of every input by name. run: returns outputs by name for all samples.
        preprocessing, class_names: what the file knows of images and classes. model: the graph, where one was read.
    """

    kind: Kind
    inputs: Mapping[str, Any]
    run: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]
    preprocessing: Mapping[str, Any] | None
    class_names: list[str] | None
    model: "ir.Model | None" = None

    def task_of(
        self,
        outputs: list[np.ndarray],
        labels: np.ndarray | None = None,
        *,
        said: str | None = None,
        metric: str | None = None,
    ) -> "Task":
        """Return what the network is taken for."""
        from ..evaluate import task_of

        return task_of(self.model, outputs, labels, said=said, metric=metric, class_names=self.class_names)

    def load(self, data: Any, inputs: Mapping[str, Any], **how: Any) -> "Dataset":
        """Return samples for `inputs` as `load_data` does, with what this file knows of images and classes."""
        from ..evaluate import load_data

        return load_data(data, inputs, preprocessing=self.preprocessing, class_names=self.class_names, **how)


def runner_of(file: Path, threads: int, *, graph: bool = False) -> Runner:
    """Return what runs a file: its program where it has one, unless `graph` asks for the graph."""
    if not graph and is_attar(file):
        from .. import container

        if container.open(file, graph=False).programs:
            return _of_program(file, threads)
    return _of_model(load_either(file), threads)


def runners_of(file: Path, threads: int) -> list[Runner]:
    """Return all that can run a file, what `attar run` takes first."""
    if not is_attar(file):
        return [_of_model(load_either(file), threads)]
    from ..runtime.engine.whole import open_whole

    opened = open_whole(file)
    model = load_either(file) if opened.has_graph or not opened.programs else None
    found = [_of_program(opened, threads, model)] if opened.programs else []
    return found if model is None else [*found, _of_model(model, threads)]


def _of_model(model: "ir.Model", threads: int) -> Runner:
    from ..compression.metadata import read_metadata
    from ..runtime import Session

    session = Session(model, threads=threads)

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(session.outputs, session.run_all(inputs), strict=True))

    return Runner("graph", session.inputs, run, *read_metadata(model), model)


def _of_program(file: "Path | AttarFile", threads: int, model: "ir.Model | None" = None) -> Runner:
    from ..runtime.engine import Engine

    engine = Engine(file, threads=threads, max_memory_bytes=limits().most_bytes)
    types = getattr(engine.machine, "types", {})  # in parts: some inputs go to operators in onnxruntime
    inputs = {
        port.name: ((None, *(extent or None for extent in port.shape)), np.dtype(types.get(port.name, np.float32)))
        for port in engine.machine.inputs
    }
    return Runner("program", inputs, engine, engine.preprocessing, engine.class_names, model)
