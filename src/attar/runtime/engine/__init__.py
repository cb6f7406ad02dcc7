"""Programs as the native engine runs them: laid out in memory, written as a section of a file, executed."""

from .engine import Engine
from .native import KERNELS, Machine

__all__ = ["KERNELS", "Engine", "Machine"]
