"""A compressed graph's weights as the parameters of the module it came from: by name, and by what the module holds.

An exporter turns, cuts, reorders and renames; attar folds batch normalizations and makes two matrices of one. Because
the module still has its own numbers, every tensor of the graph is known by what it is near to, in all these forms.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ..errors import ModelError

NEAR = 0.9  # of the norm: what few bits leave of weights; strangers differ by 1.4
LSTM, GRU = (0, 3, 1, 2), (1, 0, 2)  # gates of torch (i, f, g, o; r, z, n) in the order of ONNX (i, o, f, c; z, r, h)

State = Mapping[str, np.ndarray]
Back = Callable[[np.ndarray], np.ndarray]


def parameters_of(
    model: ir.Model, state: State, *, eps: Mapping[str, float], changed: Mapping[str, Sequence[str]]
) -> dict:
    """Return the module's state with the graph's weights, by the module's names; folded norms become the identity.

    Args:
        state: what the module holds. eps: of its batch normalizations, by prefix. changed: by the name of every
            compressed initializer those that it is now, two where it became factors; each has to find its parameter.

    Raises:
        ModelError: a tensor that belongs to no parameter, by name.
    """
    found = _Found(_held(model, changed), dict(state))
    for prefix, epsilon in eps.items():
        _norm(found, model, prefix, epsilon, state)
    _recurrent(found, state)
    for name, value in state.items():
        if name not in found.done and value.dtype.kind == "f":
            found.take(name, _forms(value))
    lost = sorted(set(changed) - found.used)
    if lost:
        raise ModelError(
            f"'{lost[0]}' of the file is none of the module's parameters ({len(lost)} in all have no place)"
        )
    return found.state


@dataclass
class _Found:
    """What is known so far: tensors of the file, the new state, and which of either are dealt with."""

    held: dict[str, np.ndarray]
    state: dict[str, np.ndarray]
    done: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def take(self, name: str, forms: Iterator[tuple[np.ndarray, Back]]) -> bool:
        """Give a parameter the tensor that one of its forms is nearest to; the one of its name counts first."""
        near = []
        for expected, back in forms:
            for own, values in self.held.items():
                if values.shape == expected.shape:
                    near.append((own != name, _distance(values, expected), own, back))
        near = [each for each in near if each[1] < NEAR or (not each[0] and self.held[each[2]].ndim == 1)]
        if not near:
            return False
        _, _, own, back = min(near, key=lambda each: each[:3])
        self.put(name, back(self.held[own]), own)
        return True

    def put(self, name: str, values: np.ndarray, own: str | None = None) -> None:
        self.state[name] = values.reshape(self.state[name].shape).astype(self.state[name].dtype)
        self.done.add(name)
        self.used |= {own} if own else set()


def _held(model: ir.Model, changed: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Return the float tensors of the graph, factors multiplied under the name that their matrix had."""
    held = {n: v.const_value.numpy() for n, v in model.graph.initializers.items() if v.dtype.is_floating_point()}
    for name, now in changed.items():
        if len(now) == 2:
            held[name] = _product(*(held.pop(factor) for factor in now))
    return {name: values.astype(np.float32) for name, values in held.items()}


def _product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the matrix (or kernel) that two factors are, the first one next to the input."""
    outside = first.ndim == 2 and first.shape[1] == second.shape[0]  # (inputs, rank) times (rank, outputs)
    if outside and (first.shape[0] != second.shape[1] or first.shape[1] <= first.shape[0]):
        return first @ second
    rank = first.shape[0]
    return (second.reshape(-1, rank) @ first.reshape(rank, -1)).reshape(-1, *first.shape[1:])


def _distance(values: np.ndarray, expected: np.ndarray) -> float:
    norm = float(np.linalg.norm(expected))
    return float(np.linalg.norm(values - expected)) / norm if norm else float("inf") if values.any() else 0.0


def _forms(value: np.ndarray) -> Iterator[tuple[np.ndarray, Back]]:
    """Yield what an exporter makes of a parameter, and the way back."""
    yield value, lambda values: values
    if value.ndim == 2:
        yield value.T, lambda values: values.T
    if value.ndim > 2:
        yield value.reshape(len(value), -1), lambda values: values
        yield value.reshape(len(value), -1).T, lambda values: values.T


def _reordered(rows: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    parts = np.split(rows, len(order))
    return np.concatenate([parts[gate] for gate in order])


def _back(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(gate) for gate in range(len(order)))


def _recurrent(found: _Found, state: State) -> None:
    """Give recurrent layers their weights and biases, whose gates ONNX has in another order, both directions in one."""
    for name in [n for n in state if "weight_ih_l" in n and not n.endswith("_reverse")]:
        directions = [n for n in (name, f"{name}_reverse") if n in state]
        for order in (LSTM, GRU):
            if len(state[name]) % len(order) == 0 and _gates(found, state, [[n] for n in directions], order):
                states = [n.replace("weight_ih", "weight_hh") for n in directions]
                _gates(found, state, [[n] for n in states], order)
                biases = [[n.replace("weight", "bias") for n in pair] for pair in zip(directions, states, strict=True)]
                if all(n in state for pair in biases for n in pair):
                    _gates(found, state, biases, order)
                break


def _gates(found: _Found, state: State, names: Sequence[Sequence[str]], order: tuple[int, ...]) -> bool:
    """Take the tensor nearest to these parameters, a row of them for each direction; tell whether there is one."""
    expected = np.stack([np.concatenate([_reordered(state[n], order) for n in row]) for row in names])
    near = [(_distance(v, expected), own) for own, v in found.held.items() if v.shape == expected.shape]
    if not near or min(near)[0] >= NEAR:
        return False
    own = min(near)[1]
    for row, values in zip(names, found.held[own], strict=True):
        for name, part in zip(row, np.split(values, len(row)), strict=True):
            found.put(name, _reordered(part, _back(order)), own)
    return True


def _norm(found: _Found, model: ir.Model, prefix: str, epsilon: float, state: State) -> None:
    """Give a batch normalization what the graph has of it: numbers, or nothing where a layer took it in."""
    names = [f"{prefix}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    if not all(name in state for name in names):
        return
    node = next((n for n in model.graph if n.op_type == "BatchNormalization" and n.inputs[1].name == names[0]), None)
    if node is not None:
        gamma, beta, mean, variance = (found.held[value.name] for value in node.inputs[1:5])
        scale = gamma / np.sqrt(variance + node.attributes.get_float("epsilon", 1e-5))
        _put_norm(found, names, scale, beta - mean * scale, epsilon, used={value.name for value in node.inputs[1:5]})
        return
    gamma, beta, mean, variance = (state[name] for name in names)
    scale = gamma / np.sqrt(variance + epsilon)
    layer = _layer_before(found, scale, state)
    if layer is None:
        return
    own = layer.removesuffix("weight") + "bias"
    old = state.get(own)
    expected = scale * (0 if old is None else old) + beta - mean * scale
    near = [
        (n not in (own, names[1]), _distance(v, expected), n) for n, v in found.held.items() if v.shape == beta.shape
    ]
    bias_name = min(near)[2] if near else None
    bias = np.zeros_like(beta) if bias_name is None else found.held[bias_name]
    if old is not None:
        found.put(own, bias, bias_name)
    _put_norm(
        found, names, np.ones_like(gamma), bias if old is None else np.zeros_like(beta), epsilon, used={bias_name}
    )


def _layer_before(found: _Found, scale: np.ndarray, state: State) -> str | None:
    """Return the layer whose weights the graph has with the norm's scale in them, once they are taken."""
    for name, value in state.items():
        if name in found.done or value.ndim < 2 or not name.endswith("weight") or len(value) != len(scale):
            continue
        folded = value * scale.reshape(-1, *[1] * (value.ndim - 1))
        near, plain = (_nearest(found.held, name, each) for each in (folded, value))
        if near < NEAR and near <= plain and found.take(name, _forms(folded)):
            return name
    return None


def _nearest(held: Mapping[str, np.ndarray], name: str, expected: np.ndarray) -> float:
    shapes = (expected.shape, expected.shape[::-1])
    every = ([held[name]] if name in held else []) or [v for v in held.values() if v.shape in shapes]
    turned = [v if v.shape == expected.shape else v.T for v in every if v.shape in shapes]
    return min((_distance(v, expected) for v in turned), default=float("inf"))


def _put_norm(found: _Found, names: list[str], scale: np.ndarray, shift: np.ndarray, epsilon: float, used: set) -> None:
    """Set a normalization to scale x + shift: mean 0 and variance 1, of which its epsilon makes a little more."""
    values = (scale * np.sqrt(np.float32(1 + epsilon)), shift, np.zeros_like(shift), np.ones_like(shift))
    for name, value in zip(names, values, strict=True):
        found.put(name, value)
    found.used |= {name for name in used if name}
