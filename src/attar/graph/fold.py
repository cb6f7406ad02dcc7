"""Fold what stands between constants and the operator that takes them for weights: transposes, casts, dequantization,
pieces cut out and put together again, arithmetic.

The layer then reads a plain initializer, under the name of the tensor that its numbers came from. What was dequantized
lies on a grid, which the codec finds and codes as the integers that it came from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import onnx_ir as ir

from .constants import behind, is_end, steps_to_weights
from .evaluate import evaluated
from .hoist import is_large
from .names import fresh_name, taken_names
from .operators import constant_of


def fold_weights(model: ir.Model) -> None:
    """Fold, in place, the constant operators in front of weights.

    The numbers that come in may not be more than those that go: a tensor that others read too, or that a caller may
    override, stays, and what is computed from it alone stays too, for it would be stored twice.
    """
    while _fold_once(model):
        pass


def _fold_once(model: ir.Model) -> bool:
    steps = steps_to_weights(model)
    known = set(steps)
    ends = [v for node in steps for v in node.outputs if any(is_end(use.node, use.idx, known) for use in v.uses())]
    has_changed = False
    for group in _groups(ends, steps):
        # Where all of it would be more than there was, its first operators alone may not be.
        first = _groups(_first_values(group, steps), steps)
        has_changed |= _fold(model, group, steps) or sum(_fold(model, part, steps) for part in first) > 0
    return has_changed


def _groups(ends: Iterable[ir.Value], steps: Sequence[ir.Node]) -> Iterator[list[ir.Value]]:
    """Yield values in groups: those computed from the same large constants stay together."""
    groups: list[tuple[set[ir.Value], list[ir.Value]]] = []
    for end in ends:
        roots = {value for value in _constants(behind([end], steps)) if is_large(constant_of(value))}
        joined = [group for group in groups if group[0] & roots]
        groups = [group for group in groups if not group[0] & roots]
        values = [value for _, others in joined for value in others]
        groups.append((roots.union(*(own for own, _ in joined)), [*values, end]))
    yield from (values for _, values in groups)


def _first_values(ends: Sequence[ir.Value], steps: Sequence[ir.Node]) -> list[ir.Value]:
    """Return what those operators make that read nothing which others of them compute."""
    nodes = behind(ends, steps)
    made = {value for node in nodes for value in node.outputs}
    first = [node for node in nodes if not made.intersection(node.inputs)]
    return [value for node in first for value in node.outputs if value.uses()]


def _constants(nodes: Iterable[ir.Node]) -> list[ir.Value]:
    """Return the initializers and Constants that `nodes` read."""
    read = (value for node in nodes for value in node.inputs if value is not None)
    return [value for value in dict.fromkeys(read) if constant_of(value) is not None]


def _fold(model: ir.Model, ends: Sequence[ir.Value], steps: Sequence[ir.Node]) -> bool:
    """Put initializers in the place of `ends`, if they hold no more numbers than those that nobody reads any more."""
    nodes = behind(ends, steps)
    dead = _dead(nodes, set(ends))
    freed = [value for value in _constants(nodes) if _is_movable(model, value) and _is_read_by(value, dead)]
    kinds = _kinds(nodes)
    different = list({kinds[end]: end for end in reversed(ends)}.values())[::-1]
    room = sum(value.const_value.size for value in freed)
    tensors = evaluated(model, nodes, different, most=room) if room else None
    if tensors is None:
        return False
    homes = _homes(model, dict(zip(different, tensors, strict=True)), freed, steps)
    for end in ends:
        end.replace_all_uses_with(homes[different.index(next(d for d in different if kinds[d] == kinds[end]))])
    _remove(dead, keep=homes)
    for home, tensor in zip(homes, tensors, strict=True):
        tensor.name = home.name
        home.const_value, home.shape, home.dtype = tensor, ir.Shape(tensor.shape), tensor.dtype
    return True


def _dead(nodes: Sequence[ir.Node], ends: set[ir.Value]) -> list[ir.Node]:
    """Return the nodes, the last first, that nobody needs once `ends` come from elsewhere."""
    found: dict[ir.Node, None] = {}
    for node in reversed(nodes):
        if all(value in ends or all(use.node in found for use in value.uses()) for value in node.outputs):
            found[node] = None
    return list(found)


def _is_movable(model: ir.Model, value: ir.Value) -> bool:
    is_fixed = value.is_graph_input() or value.is_graph_output()
    return value.is_initializer() and value.graph is model.graph and not is_fixed


def _is_read_by(value: ir.Value, nodes: Sequence[ir.Node]) -> bool:
    return all(use.node in nodes for use in value.uses())


def _kinds(nodes: Sequence[ir.Node]) -> dict[ir.Value, int]:
    """Return a number for every value that `nodes` read or make, the same for those that do the very same."""
    numbers: dict[tuple, int] = {}
    kinds: dict[ir.Value | None, int] = {None: -1}
    for node in nodes:
        for value in node.inputs:
            if value not in kinds:
                kinds[value] = numbers.setdefault(_content(value), len(numbers))
        attributes = tuple(sorted((name, _plain(attribute)) for name, attribute in node.attributes.items()))
        kind = (node.op_type, attributes, tuple(kinds[value] for value in node.inputs))
        for place, value in enumerate(node.outputs):
            kinds[value] = numbers.setdefault((*kind, place), len(numbers))
    return kinds


def _content(value: ir.Value) -> tuple:
    tensor = constant_of(value)
    if is_large(tensor):
        return (id(value),)
    return (tensor.dtype, tuple(tensor.shape), tensor.tobytes())


def _plain(attribute: ir.Attr) -> str:
    return f"{attribute.type} {attribute.value!r}"


def _homes(
    model: ir.Model, ends: Mapping[ir.Value, ir.TensorProtocol], freed: Sequence[ir.Value], steps: Sequence[ir.Node]
) -> list[ir.Value]:
    """Return initializers to hold `ends`: what each came from, its largest first, or a new one named after that."""
    homes: list[ir.Value] = []
    for end, tensor in ends.items():
        own = [value for value in _constants(behind([end], steps)) if value in freed and is_large(value.const_value)]
        own.sort(key=lambda value: -value.const_value.size)
        home = next((value for value in own if value not in homes), None)
        if home is None:
            name = fresh_name(own[0].name if own else end.name, taken_names(model))
            home = ir.Value(name=name, const_value=tensor)
            model.graph.register_initializer(home)
        homes.append(home)
    return homes


def _remove(nodes: Sequence[ir.Node], *, keep: Sequence[ir.Value]) -> None:
    for node in nodes:
        operands = dict.fromkeys(value for value in node.inputs if value is not None and value not in keep)
        node.graph.remove(node, safe=True)
        for value in operands:
            _drop_unread(value)


def _drop_unread(value: ir.Value) -> None:
    if value.uses() or value.is_graph_output() or value.is_graph_input():
        return
    if value.is_initializer():
        del value.graph.initializers[value.name]
    elif value.producer() is not None and value.producer().op_type == "Constant":
        value.producer().graph.remove(value.producer(), safe=True)
