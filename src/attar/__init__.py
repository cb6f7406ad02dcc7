"""attar: a trained network in, the smallest file that still answers right out.

import attar
result = attar.compress("model.onnx", data="photos/", max_drop=0.5)
result.save("model.attar")
outputs = attar.open("model.attar")(x)  # its graph in floats, by onnxruntime
outputs = attar.Engine("integers.attar")(x)  # its program, in integers and planned memory
"""

from typing import TYPE_CHECKING

from ._lazy import lazy
from .errors import AttarError, BudgetError, DataError, FormatError, ModelError, OutputError, PlanError, RecipeError

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
    "PlanError",
    "RecipeError",
    "Result",
    "__version__",
    "compress",
    "load",
    "open",
]

# `import attar` itself costs next to nothing.
__getattr__ = lazy(
    "attar",
    {
        "__version__": "_version",
        "compress": "compression",
        "Result": "compression",
        "load": "graph",
        "open": "runtime.opened:Opened",
        "Engine": "runtime.engine",
    },
)


def __dir__() -> list[str]:
    """Return the public names, those that nobody has used yet among them."""
    return sorted({*globals(), *__all__})
