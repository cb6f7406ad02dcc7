"""Run networks: graphs in floats by onnxruntime (`Session`), programs in integers by the engine (`engine.Engine`)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Session"]


def __getattr__(name: str) -> Any:
    """Import onnxruntime when somebody wants it: the engine does without."""
    if name != "Session":
        raise AttributeError(f"module 'attar.runtime' has no attribute '{name}'")
    from .session import Session

    return Session
