"""Run networks: graphs in floats by onnxruntime (`Session`), programs in integers by the engine (`engine.Engine`)."""

from typing import TYPE_CHECKING

from .._lazy import lazy

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Session"]

# The engine does without onnxruntime.
__getattr__ = lazy("attar.runtime", {"Session": "session"})
