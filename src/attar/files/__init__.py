"""Files of a user: read only where they are files, replaced only where that loses nothing."""

from .outputs import Kind, Output
from .reading import open_file, read_file
from .writing import write_atomically

__all__ = ["Kind", "Output", "open_file", "read_file", "write_atomically"]
