"""attar: a trained network in, the smallest file that still answers right out.

import attar
result = attar.compress("model.onnx", data="photos/", max_drop=0.5)
result.save("model.attar")
outputs = attar.open("model.attar")(x)  # in floats, by onnxruntime
outputs = attar.Engine("integers.attar")(x)  # the file itself, in integers and planned memory
"""

from typing import TYPE_CHECKING, Any

from .errors import AttarError, BudgetError, DataError, FormatError, ModelError, OutputError, RecipeError

if TYPE_CHECKING:
    from ._version import __version__
    from .compression import Result, compress
    from .graph import load
    from .runtime.engine import Engine
    from .runtime.opened import Opened as open  # noqa: N813

__all__ = [
    "AttarError",
    "BudgetError",
    "DataError",
    "Engine",
    "FormatError",
    "ModelError",
    "OutputError",
    "RecipeError",
    "Result",
    "__version__",
    "compress",
    "load",
    "open",
]

_HOMES = {
    "__version__": ("_version", "__version__"),
    "compress": ("compression", "compress"),
    "Result": ("compression", "Result"),
    "load": ("graph", "load"),
    "open": ("runtime.opened", "Opened"),
    "Engine": ("runtime.engine", "Engine"),
}


def __getattr__(name: str) -> Any:
    """Import a room when its name is first used: `import attar` itself costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'attar' has no attribute '{name}'")
    from importlib import import_module

    room, attribute = _HOMES[name]
    value = getattr(import_module(f"attar.{room}"), attribute)
    globals()[name] = value
    return value
