"""How many samples run at once."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ..graph.sizes import inferred, most_bytes

BATCH = 256  # most samples in one run, where the network leaves the batch free
LIVE_BYTES = 1 << 26  # what one operator reads and writes in one run: more falls out of every cache, and fills memory


def batch_size(model: ir.Model, inputs: Mapping[str, np.ndarray], fixed: int | None) -> int:
    """Return how many samples of `inputs` the network takes at once: `fixed`, if it insists, else what suits its size.

    It follows from the network and the shapes alone, so that results do not depend on the machine.
    """
    if fixed:
        return fixed
    shapes = {name: (1, *values.shape[1:]) for name, values in inputs.items() if np.ndim(values)}
    return min(max(LIVE_BYTES // max(most_bytes(inferred(model, shapes)), 1), 1), BATCH)
