"""Eight families of small torch networks with random sizes, and their export by either of torch's exporters."""

import io
import warnings
from collections.abc import Callable

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn import functional

CLASSES = 5


class Residual(nn.Module):
    """Two convolutions with batch norms, added to what they read."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers = (nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.body = nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.body(x))


class Recurrent(nn.Module):
    """An LSTM or a GRU, and a layer behind its last state."""

    def __init__(self, kind: type[nn.Module], inputs: int, hidden: int, ways: int) -> None:
        super().__init__()
        self.states = kind(inputs, hidden, batch_first=True, bidirectional=ways == 2)
        self.head = nn.Linear(ways * hidden, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.states(x)[0][:, -1])


class Attention(nn.Module):
    """One block of a transformer, causal, with normalizations of layers."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.before, self.behind = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixed, self.joined = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, width = x.shape[1:]
        parts = self.mixed(self.before(x)).chunk(3, dim=-1)
        query, key, value = (part.reshape(-1, rows, self.heads, width // self.heads).transpose(1, 2) for part in parts)
        scores = query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5
        mask = torch.full((rows, rows), float("-inf")).triu(1)
        seen = ((scores + mask).softmax(-1) @ value).transpose(1, 2).reshape(-1, rows, width)
        x = x + self.joined(seen)
        return self.head((x + self.inner(self.behind(x))).mean(1))


class UNet(nn.Module):
    """Down by a stride, up by a transposed convolution and by interpolation, with shortcuts."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.down = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        self.lower = nn.Conv2d(2 * channels, 2 * channels, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        self.last = nn.Conv2d(4 * channels, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = functional.relu(self.first(x))
        down = functional.relu(self.down(first))
        low = torch.cat([self.up(functional.relu(self.lower(down))), down], 1)
        up = functional.interpolate(low, scale_factor=2, mode="bilinear", align_corners=False)
        return self.last(torch.cat([first, up], 1))


def mlp(rng: np.random.Generator) -> tuple[nn.Module, tuple[int, ...]]:
    inputs, hidden = (int(rng.integers(4, 24)) for _ in range(2))
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, CLASSES)), (inputs,)


def convolutional(rng: np.random.Generator) -> tuple[nn.Module, tuple[int, ...]]:
    channels = int(rng.integers(3, 9))
    layers = [nn.Conv2d(3, channels, 3), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(channels, 2 * channels, 3, padding=1), nn.BatchNorm2d(2 * channels), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * channels * 9, CLASSES)), (3, 8, 8)


def depthwise(rng: np.random.Generator) -> tuple[nn.Module, tuple[int, ...]]:
    channels, layers = int(rng.integers(4, 12)), []
    layers += [nn.Conv2d(3, channels, 3, stride=2, padding=1), nn.BatchNorm2d(channels), nn.ReLU6()]
    layers += [nn.Conv2d(channels, channels, 3, padding=1, groups=channels), nn.BatchNorm2d(channels), nn.Hardswish()]
    layers += [nn.Conv2d(channels, 2 * channels, 1), nn.BatchNorm2d(2 * channels), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(), nn.Linear(2 * channels, CLASSES)), (3, 10, 10)


def residual(rng: np.random.Generator) -> tuple[nn.Module, tuple[int, ...]]:
    channels = int(rng.integers(3, 8))
    layers = (nn.Conv2d(3, channels, 1), Residual(channels), Residual(channels), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(channels, CLASSES)), (3, 7, 7)


def lstm(rng: np.random.Generator) -> tuple[nn.Module, tuple[int, ...]]:
    inputs, hidden = (int(rng.integers(3, 10)) for _ in range(2))
    return Recurrent(nn.LSTM, inputs, hidden, int(rng.integers(1, 3))), (6, inputs)


def gru(rng: np.random.Generator) -> tuple[nn.Module, tuple[int, ...]]:
    inputs, hidden = (int(rng.integers(3, 10)) for _ in range(2))
    return Recurrent(nn.GRU, inputs, hidden, int(rng.integers(1, 3))), (6, inputs)


def attention(rng: np.random.Generator) -> tuple[nn.Module, tuple[int, ...]]:
    heads = int(rng.integers(1, 4))
    width = heads * int(rng.integers(3, 6))
    return Attention(width, heads), (5, width)


def unet(rng: np.random.Generator) -> tuple[nn.Module, tuple[int, ...]]:
    return UNet(int(rng.integers(2, 6))), (3, 8, 8)


Family = Callable[[np.random.Generator], tuple[nn.Module, tuple[int, ...]]]
FAMILIES: tuple[Family, ...] = (mlp, convolutional, depthwise, residual, lstm, gru, attention, unet)


def exported(family: Family, seed: int, *, dynamo: bool) -> onnx.ModelProto:
    """Return a network of a family, its norms trained a little, as one of torch's exporters writes it."""
    torch.manual_seed(seed)
    module, shape = family(np.random.default_rng(seed))
    with torch.no_grad():
        for _ in range(3):  # batch norms see some samples
            module(torch.randn(16, *shape))
    module.eval()
    written = io.BytesIO()
    free = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)} if dynamo else {"dynamic_axes": {"x": {0: "batch"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, (torch.randn(2, *shape),), written, input_names=["x"], dynamo=dynamo, verbose=False, **free
        )
    return program.model_proto if dynamo else onnx.load_from_string(written.getvalue())
