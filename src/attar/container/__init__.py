"""The `.attar` container: write a network, read it back, check every byte. The page is docs/format.md."""

from ._atomic import write_atomically as write_bytes
from ._table import TensorEntry
from .read import AttarFile, open
from .write import TensorReport, WriteReport, to_bytes, write

__all__ = ["AttarFile", "TensorEntry", "TensorReport", "WriteReport", "open", "to_bytes", "write", "write_bytes"]
