"""Run networks. Until attar's own engine arrives, decoded graphs run in onnxruntime."""

from .session import Session

__all__ = ["Session"]
