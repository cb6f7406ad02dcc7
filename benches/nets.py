"""The weights that the benchmarks code: trained networks, a large shape, and matrices whose rows differ in scale.

A net is a function that yields (name, float32 tensor of rank >= 2) pairs, one tensor at a time, and the same ones at
every call. `NETS` names them all; `quantize` turns one into integers of an aimed number of bits per weight.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from peers import checkpoint
from peers.environment import STORE, interpreter

FASHION = Path(__file__).parents[1] / "examples" / "fashion"

Tensors = Iterator[tuple[str, np.ndarray]]
Net = Callable[[], Tensors]

VGG_CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
VGG_FEATURES = (4096, 4096)
VGG_CLASSES, VGG_SIDE = 1000, 7  # the last convolution's maps are 7 x 7

SAMPLE = 1 << 21  # of a larger tensor, this many weights are looked at while the step is sought
NORM_EPSILON = 1e-3  # EfficientNet's
FACTORS = (2.0**-16, 2.0**6)  # steps in units of a tensor's rms: from lossless for most purposes to all zeros
HALVINGS = 40


# Trained networks.


def lenet5() -> Tensors:
    """Yield the four weight tensors of LeNet-5 (430,500 weights), outputs first."""
    model = onnx.load(FASHION / "lenet5.onnx")
    return weights((tensor.name, numpy_helper.to_array(tensor)) for tensor in model.graph.initializer)


def efficientnet_lite0() -> Tensors:
    """Yield the weights of EfficientNet-Lite0 (4.6 M, ImageNet), outputs first; kept in .peers after the first call."""
    return kept("efficientnet_lite0", lambda: weights(checkpoint_of("efficientnet_lite0").items()))


def efficientnet_lite0_folded() -> Tensors:
    """Yield the same with every norm folded into its convolution, as it is run: rows times gamma / sqrt(var + eps)."""
    return kept("efficientnet_lite0_folded", lambda: folded(checkpoint_of("efficientnet_lite0")))


def kept(name: str, make: Callable[[], Tensors]) -> Tensors:
    """Yield the tensors of a file in .peers, which is made first if it is missing."""
    cached = STORE / f"{name}.npz"
    if not cached.exists():
        partial = cached.with_suffix(".part.npz")
        np.savez(partial, **dict(make()))
        partial.rename(cached)
    with np.load(cached) as stored:
        yield from stored.items()


def checkpoint_of(package: str) -> dict[str, np.ndarray]:
    """Return the state dict that the package carries, in the order of the network's layers."""
    (path,) = interpreter(package).parents[1].glob("**/models/*.pth")
    return checkpoint.read(path)


def folded(state: dict[str, np.ndarray]) -> Tensors:
    """Yield the weights of a state dict in which the norm of a convolution follows it, gamma first (NORM.weight)."""
    for (name, values), (gamma_name, gamma) in pairwise(state.items()):
        norm = gamma_name.removesuffix(".weight")
        if values.ndim == 4:
            rows = gamma / np.sqrt(state[f"{norm}.running_var"] + np.float32(NORM_EPSILON))
            yield name, values * rows[:, None, None, None]
        elif values.ndim >= 2:
            yield name, values


def weights(tensors: Iterable[tuple[str, np.ndarray]]) -> Tensors:
    return ((name, values) for name, values in tensors if values.ndim >= 2)


# Made-up ones.


def vgg16(width: float = 1.0, seed: int = 0) -> Tensors:
    """Yield the VGG-16 shape (138.3 M weights at `width` 1), Laplacian with standard deviation sqrt(2 / fan_in).

    `width` scales every number of channels and features but the image's 3 and the 1000 classes: 1/8 gives 2.6 M.
    """
    for index, (name, shape) in enumerate(vgg16_shapes(width)):
        deviation = math.sqrt(2 / math.prod(shape[1:]))
        yield name, laplacian(shape, deviation, np.random.default_rng([seed, index]))


def vgg16_shapes(width: float) -> Iterator[tuple[str, tuple[int, ...]]]:
    channels = (3, *(max(1, round(count * width)) for count in VGG_CHANNELS))
    hidden = (max(1, round(count * width)) for count in VGG_FEATURES)
    features = (channels[-1] * VGG_SIDE**2, *hidden, VGG_CLASSES)
    for index, (before, after) in enumerate(pairwise(channels), start=1):
        yield f"conv{index}.weight", (after, before, 3, 3)
    for index, (before, after) in enumerate(pairwise(features), start=1):
        yield f"fc{index}.weight", (after, before)


def uneven(axis: int, shape: tuple[int, int] = (1024, 1024), sigma: float = 0.5, seed: int = 0) -> Tensors:
    """Yield one Laplacian matrix whose slices along `axis` (0: rows, 1: columns) have log-normal scales.

    A scale is exp(`sigma` * z), z standard normal.
    """
    rng = np.random.default_rng(seed)
    scales = np.exp(sigma * rng.standard_normal(shape[axis], dtype=np.float32))
    values = laplacian(shape, 1.0, rng)
    yield f"uneven.{('rows', 'columns')[axis]}", values * (scales[:, None] if axis == 0 else scales)


def laplacian(shape: tuple[int, ...], deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Return float32 Laplacian values of standard deviation `deviation`: the difference of two exponential ones."""
    values = rng.standard_exponential(shape, dtype=np.float32)
    values -= rng.standard_exponential(shape, dtype=np.float32)
    values *= np.float32(deviation / math.sqrt(2))
    return values


NETS: dict[str, Net] = {
    "lenet5": lenet5,
    "efficientnet_lite0": efficientnet_lite0,
    "efficientnet_lite0_folded": efficientnet_lite0_folded,
    "vgg16": vgg16,
    "vgg16_eighth": lambda: vgg16(width=1 / 8),
    "uneven_rows": lambda: uneven(axis=0),
    "uneven_columns": lambda: uneven(axis=1),
}


# Integers.


def quantize(net: Net, bits: float) -> Tensors:
    """Yield every tensor of `net` as int32, so that the order-0 entropies come to `bits` per weight of the net.

    The step of a tensor is one factor of the whole net times the tensor's rms; ties round to even.
    """
    factor = find_factor(net, bits)
    return ((name, integers(values, factor)) for name, values in net())


def find_factor(net: Net, bits: float) -> float:
    """Return the step, in units of each tensor's rms, at which the net has `bits` per weight; found by bisection."""
    samples = [(values.size, scaled_sample(values)) for _, values in net()]
    low, high = FACTORS
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if entropy_of_net(samples, middle) < bits else (middle, high)
    return high


def scaled_sample(values: np.ndarray) -> np.ndarray:
    """Return at most SAMPLE of the values, evenly taken, divided by the rms of all."""
    flat = values.reshape(-1)
    return flat[:: -(-flat.size // SAMPLE)] / (rms(values) or np.float32(1))


def entropy_of_net(samples: list[tuple[int, np.ndarray]], factor: float) -> float:
    """Return the order-0 bits per weight, every tensor with a distribution of its own."""
    total = sum(size * entropy(np.rint(sample / np.float32(factor))) for size, sample in samples)
    return total / sum(size for size, _ in samples)


def entropy(values: np.ndarray) -> float:
    """Return the order-0 entropy of integers, bits per value."""
    shifted = values.reshape(-1).astype(np.int64)
    shifted -= shifted.min()
    counts = np.bincount(shifted)
    shares = counts[counts > 0] / shifted.size
    return float(-(shares * np.log2(shares)).sum())


def integers(values: np.ndarray, factor: float) -> np.ndarray:
    scaled = values / (np.float32(factor) * (rms(values) or np.float32(1)))
    return np.rint(scaled, out=scaled).astype(np.int32)


def rms(values: np.ndarray) -> np.float32:
    flat = values.reshape(-1)
    return np.float32(math.sqrt(np.einsum("i,i->", flat, flat, dtype=np.float64) / flat.size))  # no float64 copy
