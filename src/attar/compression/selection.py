"""Which layers take part: all that attar knows, less what --only and --exclude say."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import onnx_ir as ir

from ..errors import ModelError
from ..graph import LeftAlone, WeightLayer, survey


def select(
    model: ir.Model, *, only: Sequence[str] = (), exclude: Sequence[str] = ()
) -> tuple[list[WeightLayer], list[LeftAlone]]:
    """Return the layers to treat and those that the patterns leave out. Patterns are shell-style, such as "fc*".

    Raises:
        ModelError: the network has no weight layer, or a pattern matches none.
    """
    layers = survey(model).layers
    if not layers:
        raise ModelError(
            "the network has no layer with weights that attar can change "
            "(Conv, ConvTranspose, DeformConv, Gemm, MatMul, Gather, LSTM, GRU, RNN)"
        )
    for pattern in (*only, *exclude):
        if not any(fnmatchcase(layer.name, pattern) for layer in layers):
            names = ", ".join(layer.name for layer in layers[:8])
            raise ModelError(
                f"no layer matches '{pattern}'; the network has {names}{' ...' if len(layers) > 8 else ''}"
            )
    chosen, left = [], []
    for layer in layers:
        reason = _left_out(layer.name, only, exclude)
        if reason:
            left.append(LeftAlone(layer.name, layer.shape, reason))
        else:
            chosen.append(layer)
    return chosen, left


def select_again(model: ir.Model, layers: Sequence[WeightLayer]) -> list[WeightLayer]:
    """Return the layers of the same names as they are in `model`, a network that was rewritten since."""
    found = {layer.name: layer for layer in survey(model).layers}
    return [found[layer.name] for layer in layers if layer.name in found]


def _left_out(name: str, only: Sequence[str], exclude: Sequence[str]) -> str | None:
    if only and not any(fnmatchcase(name, pattern) for pattern in only):
        return "not among --only"
    if any(fnmatchcase(name, pattern) for pattern in exclude):
        return "named by --exclude"
    return None
