"""Bring a network to the form that integers need: norms folded, nothing that only hands on, logits at the end."""

from collections.abc import Container, Mapping

import onnx_ir as ir

from ...errors import ModelError
from ...graph.flow import sources
from ...graph.norms import simplify_norms
from ...graph.operators import is_default_domain
from ...graph.sizes import inferred
from .endings import HANDING_ON, may_leave
from .splits import take_apart

SAMPLES = 2  # of a free batch while shapes are inferred: an axis of 1 could not be told from one that is no sample's


def prepare(
    model: ir.Model, shapes: Mapping[str, tuple[int, ...]] | None = None, *, kept: Container[str] = ()
) -> ir.Model:
    """Return a copy of `model` for `steps_of`, its shapes inferred.

    Batch normalizations go into the layers in front, Identity and Dropout are taken out, a Split becomes
    Slices, and a Softmax at the very end
    is left to whoever reads the logits.

    Args:
        shapes: of one sample, by input; needed where the network leaves more than the batch free.
        kept: names of weights that have to stay as they are; a normalization behind them becomes a step of its own.
    """
    names = [name for name in model.graph.initializers if name not in kept]
    copy = simplify_norms(model, into=frozenset(names)).model
    for node in list(copy.graph):
        if is_default_domain(node) and node.op_type in HANDING_ON:
            _take_out(copy.graph, node)
    batch = {value.name: _batch(value) for value in sources(copy.graph)}
    known = inferred(copy, {name: (batch[name], *shape) for name, shape in (shapes or _known(copy)).items()})
    take_apart(known)
    _end_in_logits(known.graph)
    return known


def sample_shape(value: ir.Value, batch: int) -> tuple[int, ...]:
    """Return the shape of one sample of a tensor of a prepared network.

    Raises:
        ModelError: it is not known, or the first axis is not the sample.
    """
    extents = tuple(value.shape) if value.shape is not None else (None,)
    if not all(isinstance(extent, int) for extent in extents):
        raise ModelError(f"tensor '{value.name}': shape {list(extents)} is not known from the inputs")
    if not extents or extents[0] != batch:
        raise ModelError(f"tensor '{value.name}': the first axis of {list(extents)} is not the sample")
    if 0 in extents:
        raise ModelError(f"tensor '{value.name}' has no cells: its shape is {list(extents)}")
    return extents[1:]


def batch_of(model: ir.Model) -> int:
    """Return the number of samples that the inferred shapes of a prepared network stand for."""
    return next((_batch(value) for value in sources(model.graph)), SAMPLES)


def _batch(value: ir.Value) -> int:
    return value.shape[0] if value.shape and isinstance(value.shape[0], int) else SAMPLES


def _known(model: ir.Model) -> dict[str, tuple[int, ...]]:
    """Return the samples' shapes of the inputs that say them."""
    shapes = {value.name: tuple(value.shape[1:]) for value in sources(model.graph) if value.shape is not None}
    return {name: shape for name, shape in shapes.items() if all(isinstance(extent, int) for extent in shape)}


def _end_in_logits(graph: ir.Graph) -> None:
    left = {number: value.producer() for number, value in enumerate(graph.outputs) if may_leave(value)}
    for number, node in left.items():
        graph.outputs[number] = node.inputs[0]
    graph.remove(set(left.values()), safe=True)


def _take_out(graph: ir.Graph, node: ir.Node) -> None:
    """Let the readers of `node` read its input; an output of the network keeps its name."""
    source, result = node.inputs[0], node.outputs[0]
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        return  # a Dropout that may be in training mode
    if any(output.uses() or output.is_graph_output() for output in node.outputs[1:]):
        return  # a Dropout whose mask somebody reads
    if result.is_graph_output() and (source.producer() is None or source.is_graph_output()):
        return  # an input that is an output too: a step that changes nothing
    is_output, name = result.is_graph_output(), result.name
    result.replace_all_uses_with(source, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    if is_output:
        result.name, source.name = None, name
