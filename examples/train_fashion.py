"""Train the networks of `examples/fashion/` on Fashion-MNIST and store them as ONNX.

    apt-get install dataset-fashion-mnist      # 60,000 training and 10,000 test images, MIT licence
    pip install 'attar[train]'
    python examples/train_fashion.py           # about 40 minutes on two cores; `--only lenet5` takes two
    python examples/train_fashion.py --only vgg_wide --out wide     # 27 M parameters: not in the repository

The test images are looked at once, after the last epoch, to print the accuracy.
"""

import argparse
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import onnxscript.optimizer
import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass, IdentityEliminationPass, RemoveUnusedNodesPass
from torch import nn

HERE = Path(__file__).parent
MEAN, STD = 0.2860, 0.3530
CLASS_NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
CALIBRATION_IMAGES = 2000
PREPROCESSING = {
    "do_resize": True,
    "size": {"height": 28, "width": 28},
    "do_convert_grayscale": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [MEAN],
    "image_std": [STD],
}


def read_idx(path: Path) -> np.ndarray:
    """Read one gzipped IDX file of bytes: images (n, 28, 28) or labels (n,)."""
    raw = gzip.decompress(path.read_bytes())
    rank = raw[3]
    shape = np.frombuffer(raw, ">i4", count=rank, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def read_split(folder: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    """Read images (n, 1, 28, 28) uint8 and labels (n,) uint8 of the split `train` or `t10k`."""
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
    return images[:, None], read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")


class LeNet300100(nn.Module):
    """784-300-100-10, 266,610 parameters (LeCun et al. 1998)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 300)
        self.fc2 = nn.Linear(300, 100)
        self.fc3 = nn.Linear(100, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.fc1(x.reshape(-1, 784)))
        return self.fc3(torch.relu(self.fc2(x)))


class LeNet5(nn.Module):
    """LeNet-5 in its Caffe form, 20-50-500-10, 431,080 parameters: no activation after the convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(800, 500)
        self.fc2 = nn.Linear(500, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(self.conv1(x), 2)
        x = nn.functional.max_pool2d(self.conv2(x), 2)
        return self.fc2(torch.relu(self.fc1(x.reshape(-1, 800))))


class SmallVGG(nn.Module):
    """Three blocks of two 3x3 convolutions with batch normalization, 584,618 parameters (Simonyan & Zisserman 2015)."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128), hidden: int = 256) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width in widths:
            layers += [*conv_bn_relu(before, width), *conv_bn_relu(width, width), nn.MaxPool2d(2)]
            before = width
        self.features = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.4)
        self.fc1 = nn.Linear(before * 3 * 3, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.drop(self.features(x).reshape(-1, self.fc1.in_features))
        return self.fc2(self.drop(torch.relu(self.fc1(x))))


class WideVGG(nn.Module):
    """A VGG as wide at its end as VGG-16: two fully connected layers of 4096 hold 26 of its 27 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        trunk = SmallVGG(widths=(32, 64, 256))
        self.features, self.drop = trunk.features, nn.Dropout(0.5)
        self.fc1 = nn.Linear(256 * 3 * 3, 4096)
        self.fc2 = nn.Linear(4096, 4096)
        self.fc3 = nn.Linear(4096, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.drop(self.features(x).reshape(-1, self.fc1.in_features))
        x = self.drop(torch.relu(self.fc1(x)))
        return self.fc3(self.drop(torch.relu(self.fc2(x))))


def conv_bn_relu(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


@dataclass(frozen=True)
class Course:
    """How one network is trained: AdamW under a one-cycle schedule, mirrored and shifted images where `augment`."""

    build: Callable[[], nn.Module]
    epochs: int
    peak_rate: float = 2e-3
    weight_decay: float = 1e-2
    batch: int = 128
    augment: bool = False
    is_shipped: bool = True


COURSES = {
    "lenet_300_100": Course(LeNet300100, epochs=20),
    "lenet5": Course(LeNet5, epochs=8),
    "vgg_small": Course(SmallVGG, epochs=24, peak_rate=4e-3, weight_decay=5e-2, augment=True),
    "vgg_wide": Course(
        WideVGG, epochs=12, peak_rate=1e-3, weight_decay=5e-2, batch=256, augment=True, is_shipped=False
    ),
}
SHIPPED = [name for name, course in COURSES.items() if course.is_shipped]


def normalize(images: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(images).float() / 255 - MEAN) / STD


def mirrored_and_shifted(x: torch.Tensor) -> torch.Tensor:
    """Mirror half of the batch, then shift all of it by up to two pixels; the frame is background."""
    mirror = torch.rand(len(x)) < 0.5
    x = torch.where(mirror[:, None, None, None], x.flip(-1), x)
    background = (0 - MEAN) / STD
    x = nn.functional.pad(x, (2, 2, 2, 2), value=background)
    top, left = torch.randint(0, 5, (2,)).tolist()
    return x[:, :, top : top + 28, left : left + 28]


def train(course: Course, images: np.ndarray, labels: np.ndarray) -> nn.Module:
    """Train on images (n, 1, 28, 28) uint8; return the network in evaluation mode."""
    net = course.build().to(memory_format=torch.channels_last)
    x, y = normalize(images), torch.from_numpy(labels.astype(np.int64))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=course.weight_decay)
    steps = len(x) // course.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, course.peak_rate, total_steps=steps * course.epochs)
    for epoch in range(course.epochs):
        order = torch.randperm(len(x))[: steps * course.batch].view(steps, course.batch)
        total = 0.0
        for picked in order:
            batch = mirrored_and_shifted(x[picked]) if course.augment else x[picked]
            loss = nn.functional.cross_entropy(net(batch.to(memory_format=torch.channels_last)), y[picked])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"  epoch {epoch + 1}/{course.epochs}: loss {total / steps:.4f}", flush=True)
    return net.eval().to(memory_format=torch.contiguous_format)


@torch.no_grad()
def accuracy(net: nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the top-1 accuracy in percent."""
    hits = sum(
        int((net(normalize(images[i : i + 500])).argmax(1).numpy() == labels[i : i + 500]).sum())
        for i in range(0, len(images), 500)
    )
    return 100 * hits / len(images)


def store(net: nn.Module, path: Path) -> None:
    """Write `net` as one ONNX file, batch normalization kept, with its preprocessing and class names."""
    program = torch.onnx.export(
        net,
        (torch.zeros(2, 1, 28, 28),),
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        opset_version=18,
        optimize=False,  # it would fold batch normalization into the convolutions
        verbose=False,
    )
    model = program.model
    onnxscript.optimizer.fold_constants(model)
    IdentityEliminationPass()(model)
    RemoveUnusedNodesPass()(model)
    ClearMetadataAndDocStringPass()(model)  # the exporter notes stack traces of the training machine
    model.metadata_props["preprocessing"] = json.dumps(PREPROCESSING)
    model.metadata_props["class_names"] = json.dumps(CLASS_NAMES)
    proto = onnx_ir.to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def store_images(folder: Path, out: Path) -> None:
    """Write the test split and a balanced slice of the training split, with the preprocessing beside them."""
    images, labels = read_split(folder, "t10k")
    np.savez_compressed(out / "test.npz", x=images, y=labels)
    images, labels = read_split(folder, "train")
    each = CALIBRATION_IMAGES // 10
    slice_ = np.sort(np.concatenate([np.flatnonzero(labels == label)[:each] for label in range(10)]))
    np.savez_compressed(out / "calibration.npz", x=images[slice_], y=labels[slice_])
    (out / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--out", type=Path, default=HERE / "fashion")
    parser.add_argument("--only", choices=sorted(COURSES), action="append", help="train this network alone")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    options.out.mkdir(parents=True, exist_ok=True)
    store_images(options.data, options.out)
    train_split, test_split = read_split(options.data, "train"), read_split(options.data, "t10k")
    for name in options.only or SHIPPED:
        torch.manual_seed(options.seed)
        net = train(COURSES[name], *train_split)
        store(net, options.out / f"{name}.onnx")
        parameters = sum(p.numel() for p in net.parameters())
        print(f"{name}: {parameters:,} parameters, {accuracy(net, *test_split):.2f} % on the test set", flush=True)


if __name__ == "__main__":
    main()
