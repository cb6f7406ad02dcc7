"""Which layers take part: all that attar knows, less what --only and --exclude say."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import onnx_ir as ir

from ..errors import ModelError
from ..graph import LeftAlone, Survey, WeightLayer, survey

SHOWN = 8  # names of layers in an error


def select(
    model: ir.Model, *, only: Sequence[str] = (), exclude: Sequence[str] = ()
) -> tuple[list[WeightLayer], list[LeftAlone]]:
    """Return the layers to treat and those that the patterns leave out.

    A pattern that is the name of an initializer means just that one; others are shell-style, such as "fc*".

    Raises:
        ModelError: the network has no weight layer, or a pattern matches none.
    """
    found = survey(model)
    if not found.layers:
        raise ModelError(
            "the network has no layer with weights that attar can change "
            "(Conv, ConvTranspose, DeformConv, Gemm, MatMul, Gather, LSTM, GRU, RNN)"
        )
    named = {pattern: _named(pattern, found) for pattern in (*only, *exclude)}
    wanted = {name for pattern in only for name in named[pattern]}
    unwanted = {name for pattern in exclude for name in named[pattern]}
    chosen, left = [], []
    for layer in found.layers:
        reason = "named by --exclude" if layer.name in unwanted else None
        if only and layer.name not in wanted:
            reason = "not among --only"
        if reason:
            left.append(LeftAlone(layer.name, layer.shape, reason))
        else:
            chosen.append(layer)
    return chosen, left


def _named(pattern: str, found: Survey) -> list[str]:
    """Return the names of the layers that a pattern means.

    Raises:
        ModelError: none.
    """
    names = [layer.name for layer in found.layers]
    if pattern in names:
        return [pattern]
    other = next((item for item in found.left_alone if item.name == pattern), None)
    if other is not None:
        raise ModelError(f"'{pattern}' is no layer that attar changes: {other.reason}")
    matching = [name for name in names if fnmatchcase(name, pattern)]
    if not matching:
        more = " ..." if len(names) > SHOWN else ""
        hint = "; in a pattern [abc] is any of a, b and c, and [[] a bracket" if "[" in pattern else ""
        raise ModelError(f"no layer matches '{pattern}'; the network has {', '.join(names[:SHOWN])}{more}{hint}")
    return matching


def select_again(model: ir.Model, layers: Sequence[WeightLayer]) -> list[WeightLayer]:
    """Return the layers of the same names as they are in `model`, a network that was rewritten since."""
    found = {layer.name: layer for layer in survey(model).layers}
    return [found[layer.name] for layer in layers if layer.name in found]
