"""What a recipe of stages did, one row for every stage: the statistics of Ge et al. 2017, tables 1 and 2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from ..graph import layer_macs


@dataclass(frozen=True)
class Held:
    """What the layers of a network hold, and what they cost to run.

    Attributes:
        weights: numbers, factors counted in place of their matrix. nonzero: those that are not zero.
        macs: multiply-accumulates by weights that are not zero, per sample; None where a shape is not known.
    """

    weights: int
    nonzero: int
    macs: int | None


@dataclass(frozen=True)
class StageRow:
    """The network after one stage.

    Attributes:
        name: of the stage. size_bytes: of the file, were this the end. held: by its layers.
        bits_per_weight: mean width of the numbers before coding; after it, bits of the file for every weight of the
            original's layers. error: E_c, the mean difference of the scores. drop: in points, predicted from the
            original's softmax or, for other metrics, measured on the search's samples; None where it can't be said.
    """

    name: str
    size_bytes: int
    held: Held
    bits_per_weight: float
    error: float
    drop: float | None


def held_by(model: ir.Model, names: Sequence[str]) -> Held:
    """Count what the initializers `names` hold; a weight is multiplied as often as all of its layer's are on average.

    Borders count as if padded with real values.
    """
    macs: Mapping[str, int | None] = layer_macs(model)
    weights, nonzero, total = 0, 0, 0.0
    for name in names:
        values = model.graph.initializers[name].const_value.numpy()
        count = int((values != 0).sum())
        weights, nonzero = weights + values.size, nonzero + count
        known = macs.get(name)
        total = float("nan") if known is None else total + known * count / max(values.size, 1)
    return Held(weights, nonzero, None if total != total else round(total))
