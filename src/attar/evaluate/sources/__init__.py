"""Where samples come from: folders of pictures, files of arrays, functions, and whatever Python can go through."""

from .found import Found
from .read import Reading, read

__all__ = ["Found", "Reading", "read"]
