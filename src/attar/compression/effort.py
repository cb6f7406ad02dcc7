"""How often a search may run the network: settled by the network's size and never by the clock.

A limit in seconds would make the bytes depend on the machine; `--time-limit` is there for those who want that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from ..graph import WeightLayer, layer_macs

TOTAL_MACS = 4e12  # multiply-accumulates of a whole search: about two minutes on two cores
RUNS = (60, 400)  # fewest and most runs of the network, whatever its size
PROBES_PER_LAYER = (3, 10)
SWAP_BELOW_MACS = 5e9  # a run this cheap is not worth building a session with constant weights for
PASS_MACS, PASSES = 1.5e12, (3, 12)  # of all passes of a descent; fewest and most
COLUMNS = 16_384  # whose products make the moments of one layer, about
GAUGE_MACS, GAUGE_RUNS, GAUGE_SAMPLES = 1e12, 2, 32

Macs = Mapping[str, int | None]  # multiply-accumulates per sample, by layer, as `layer_macs` tells them


@dataclass(frozen=True)
class Effort:
    """What a search may spend.

    Attributes:
        probes_per_layer: runs to measure one layer's sensitivity. moves: runs for single moves at the end.
        swaps: whether weights are handed to one session run by run; a network that takes longer to run gets a new
            session each time, since onnxruntime runs constant weights in faster layouts.
    """

    probes_per_layer: int = PROBES_PER_LAYER[1]
    moves: int = RUNS[1] // 2
    swaps: bool = True


def effort_for(model: ir.Model, *, layers: int, samples: int) -> Effort:
    """Divide TOTAL_MACS by what one run of `samples` samples takes: half for probes, half for moves."""
    macs_per_run = samples * _known(layer_macs(model))
    runs = _clamp(TOTAL_MACS / max(macs_per_run, 1), RUNS)
    return Effort(
        probes_per_layer=_clamp(runs / 2 / max(layers, 1), PROBES_PER_LAYER),
        moves=runs // 2,
        swaps=macs_per_run < SWAP_BELOW_MACS,
    )


def passes_for(macs: Macs, layers: Sequence[WeightLayer], *, samples: int) -> int:
    """Return how many whole networks a descent along the slope may make, each from `samples` calibration samples."""
    runs = 2 * samples * _known(macs)
    moments = sum(2 * COLUMNS * (layer.size / layer.shape[layer.channel_axis]) ** 2 for layer in layers)
    return _clamp(PASS_MACS / max(runs + moments, 1), PASSES)


def gauge_samples(macs: Macs, *, layers: int, samples: int) -> int:
    """Return how many samples measure one layer's sensitivity."""
    each = max(layers, 1) * GAUGE_RUNS * max(_known(macs), 1)
    return min(_clamp(GAUGE_MACS / each, (GAUGE_SAMPLES, samples)), samples)


def _known(macs: Macs) -> int:
    return sum(each or 0 for each in macs.values())


def _clamp(value: float, bounds: tuple[int, int]) -> int:
    return int(min(max(value, bounds[0]), bounds[1]))
