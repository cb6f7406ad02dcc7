"""The ONNX files of the networks, made in .peers when they are first asked for."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import nets
import onnx
from peers import checkpoint
from peers.environment import STORE, interpreter

from networks import efficientnet_lite0, pickles, squeezenet, vgg16

NETWORKS: dict[str, ModuleType] = {
    "efficientnet_lite0": efficientnet_lite0,
    "squeezenet": squeezenet,
    "vgg16": vgg16,
}


def path(name: str) -> Path:
    """Return the file of a network of `NETWORKS`."""
    made = STORE / f"{name}.onnx"
    if not made.exists():
        partial = made.with_suffix(".part")
        onnx.save(NETWORKS[name].build(STATES[name]()), partial)
        partial.rename(made)
    return made


def carried(package: str, pattern: str, read: Callable[[Path], Any]) -> Any:
    """Return what `read` makes of the one file in a package's environment that fits `pattern`."""
    (found,) = interpreter(package).parents[1].glob(f"**/{pattern}")
    return read(found)


STATES: dict[str, Callable[[], Any]] = {
    "efficientnet_lite0": lambda: carried("efficientnet_lite0", "models/*.pth", checkpoint.read),
    "squeezenet": lambda: carried("ndf", "weights/squeezenet_weights.pkl", pickles.read),
    "vgg16": nets.vgg16,
}
