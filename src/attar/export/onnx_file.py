"""A compressed file as an ordinary ONNX file: the same graph, the same numbers."""

from ..container import AttarFile
from ..graph import serialize


def to_onnx(file: AttarFile) -> bytes:
    """Return the bytes of an ONNX file with all weights decoded.

    Raises:
        FormatError: the file holds weights only, or is damaged.
    """
    return serialize(file.model())
