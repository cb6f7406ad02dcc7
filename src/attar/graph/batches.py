"""A batch that is free in word only: a Reshape or Resize in the graph, exported from one example, has its own."""

from collections.abc import Iterator

import onnx_ir as ir

from .flow import Flow, sources
from .operators import constant_of, is_default_domain
from .sizes import inferred

SHAPE_INPUT = {"Reshape": 1, "Resize": 3}
ANOTHER = 7919  # a prime, which no network has by chance


def settle_batch(model: ir.Model) -> None:
    """Give inputs with a free batch the only one that the graph works with, in place; none where any does.

    As many samples as go in come out of a network; where shapes tell of more outputs that they do for the batch that a
    constant in the graph names than for another one, that is the batch.
    """
    free = [value for value in sources(model.graph) if value.shape and not isinstance(value.shape[0], int)]
    named = sorted(set(_named_batches(model.graph))) if free else []
    if not named:
        return
    flowing = Flow(model.graph).behind(free)
    outputs = {value.name for value in model.graph.outputs if value in flowing}
    coming = {batch: _outputs_of_samples(model, free, outputs, batch) for batch in (ANOTHER, *named)}
    best = max(named, key=coming.__getitem__)
    if coming[best] > coming[ANOTHER]:
        for value in free:
            value.shape = ir.Shape([best, *value.shape[1:]])


def _named_batches(graph: ir.Graph) -> Iterator[int]:
    """Yield what may be the batch that a graph insists on; nothing where every Reshape hands its own on."""
    for node in graph:
        place = SHAPE_INPUT.get(node.op_type) if is_default_domain(node) else None
        value = node.inputs[place] if place is not None and len(node.inputs) > place else None
        if value is None:
            continue
        tensor = constant_of(value)
        first = 1 if tensor is None else int(tensor.numpy().reshape(-1)[0]) if tensor.size else 0
        if first > 0:
            yield first


def _outputs_of_samples(model: ir.Model, free: list[ir.Value], outputs: set[str], batch: int) -> int:
    """Return how many outputs are known to have a row for each sample of a batch."""
    known = inferred(model, {value.name: (batch, *value.shape[1:]) for value in free})
    ends = [value for value in known.graph.outputs if value.name in outputs]
    return sum(bool(value.shape) and value.shape[0] == batch for value in ends)
