"""A network that grows operator by operator: its nodes, its constants, and the tensors of samples made so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper

NAMES = ("t{}", "t{}", "t{}", "/net/layer.{}/Conv_output_0", "layers[{}].out", "a b {}", "w{}/in", "x_{}_q", "größe{}")


@dataclass(frozen=True)
class Tensor:
    """A tensor in floats; `shape` is that of one sample."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


@dataclass
class Growth:
    """What has grown so far, and the source of everything that is drawn.

    Attributes:
        opset: of the network. names: the style of its names, with room for a number. held: constants by name.
        tensors: those that operators may read. kinds: names of the builders. taken: all names.
    """

    rng: np.random.Generator
    opset: int
    names: str
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    held: dict[str, np.ndarray] = field(default_factory=dict)
    tensors: list[Tensor] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def name(self, hint: str | None = None) -> str:
        """Return a name that nobody has: by the network's style, or `hint` with a number."""
        name, number = hint or self.names.format(len(self.taken)), 0
        while name in self.taken:
            number += 1
            name = f"{hint or 'other'}_{number}"
        self.taken.add(name)
        return name

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def number(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def choose(self, *things):
        return things[self.number(0, len(things) - 1)]

    def hold(self, values: np.ndarray, hint: str = "c") -> str:
        """Add a constant and return its name."""
        name = self.name(hint if self.chance(0.7) else None)
        self.held[name] = np.asarray(values)
        return name

    def ints(self, *numbers: int) -> str:
        return self.hold(np.array(numbers, np.int64), "to")

    def floats(self, *shape: int, spread: float = 1.0) -> np.ndarray:
        return (spread * self.rng.normal(size=shape)).astype(np.float32)

    def weights(self, *shape: int, terms: int, axis: int = 0) -> str:
        """Hold weights whose products keep the spread of what they multiply; now and then of a special kind."""
        same = [name for name, values in self.held.items() if values.shape == shape and values.dtype == np.float32]
        if same and self.chance(0.3):
            return self.choose(*same)  # shared
        values = self.floats(*shape, spread=terms**-0.5)
        kind = self.choose("plain", "plain", "plain", "plain", "ternary", "sparse", "switched off", "zero channel")
        if kind == "ternary":
            values = np.float32(0.5) * np.rint(np.clip(values * terms**0.5, -1, 1)).astype(np.float32)
        elif kind == "sparse":
            values = values * (self.rng.random(shape) < 0.2).astype(np.float32)
        elif kind != "plain":
            np.moveaxis(values, axis, 0)[0] *= np.float32(1e-6 if kind == "switched off" else 0)
        return self.hold(values, "weight")

    def add(self, op: str, inputs: Sequence[str], shape: Sequence[int], **attributes) -> Tensor:
        """Add an operator and return what it makes."""
        return self.adds(op, inputs, [shape], **attributes)[0]

    def adds(self, op: str, inputs: Sequence[str], shapes: Sequence[Sequence[int]], **attributes) -> list[Tensor]:
        """Add an operator of several outputs."""
        made = [Tensor(self.name(), tuple(int(extent) for extent in shape)) for shape in shapes]
        self.nodes.append(helper.make_node(op, list(inputs), [tensor.name for tensor in made], **attributes))
        return made

    def plain(self, op: str, inputs: Sequence[str], **attributes) -> str:
        """Add an operator whose output is no tensor of samples in floats, and return the name of that."""
        name = self.name()
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def other(self, tensor: Tensor) -> Tensor | None:
        """Return another tensor of the same shape, or none."""
        alike = [one for one in self.tensors if one.shape == tensor.shape and one != tensor]
        return self.choose(*alike) if alike else None

    def over(self, op: str, tensor: Tensor, axes: Sequence[int], shape: Sequence[int], since: int, **more) -> Tensor:
        """Add an operator whose axes became an input with opset `since`."""
        if self.opset >= since:
            return self.add(op, [tensor.name, self.ints(*axes)], shape, **more)
        return self.add(op, [tensor.name], shape, axes=list(axes), **more)
