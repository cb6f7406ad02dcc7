"""The verb `compress`: recipes, budgets, the search that runs the network, and the verdict at the end."""

from .result import Result
from .verb import compress

__all__ = ["Result", "compress"]
