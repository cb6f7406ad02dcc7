"""The `.attar` container: write a network, read it back, check every byte. The page is docs/format.md."""

from typing import TYPE_CHECKING

from .._lazy import lazy
from ._table import TensorEntry
from .read import AttarFile, open

if TYPE_CHECKING:
    from ._atomic import write_atomically as write_bytes
    from .writer import TensorReport, WriteReport, to_bytes, write

__all__ = ["AttarFile", "TensorEntry", "TensorReport", "WriteReport", "open", "to_bytes", "write", "write_bytes"]

__getattr__ = lazy(
    "attar.container",
    {
        "write_bytes": "_atomic:write_atomically",
        **dict.fromkeys(("TensorReport", "WriteReport", "to_bytes", "write"), "writer"),
    },
)
