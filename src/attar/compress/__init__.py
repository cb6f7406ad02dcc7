"""The verb: recipes, budgets, the search that runs the network, and the verdict at the end."""

import sys
from types import ModuleType

from .result import Result
from .verb import compress

__all__ = ["Result", "compress"]


class _Verb(ModuleType):
    """`attar.compress` names this room and the verb: once the room is imported, the name must still do the work."""

    __call__ = staticmethod(compress)


sys.modules[__name__].__class__ = _Verb
