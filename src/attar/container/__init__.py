"""The `.attar` container: write a network, read it back, check every byte. The page is docs/format.md."""

from typing import TYPE_CHECKING

from .._lazy import lazy
from ._table import TensorEntry
from .read import FILE, AttarFile, open

if TYPE_CHECKING:
    from .writer import TensorReport, WriteReport, to_bytes, write

__all__ = ["FILE", "AttarFile", "TensorEntry", "TensorReport", "WriteReport", "open", "to_bytes", "write"]

__getattr__ = lazy(
    "attar.container",
    dict.fromkeys(("TensorReport", "WriteReport", "to_bytes", "write"), "writer"),
)
