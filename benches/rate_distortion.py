"""Measure the tables of docs/results.md on compression without retraining: attar beside NNCodec on the same weights.

    python benches/rate_distortion.py                       # all networks; writes docs/results.md (an hour at first)
    python benches/rate_distortion.py --only lenet5         # one network, printed alone

Bytes are those of whole files. NNCodec's hold weights alone; attar's the graph too. NNCodec and rounding to nearest
choose their setting on the very images that judge them, attar chooses on images of its own. What NNCodec did is kept in
benches/.peers, where a second run finds it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from coding.markdown import rewrite
from networks import judging, photos, ready
from peers.per_tensor import best_per_tensor
from peers.sweep import Point, best_global
from sizes import FASHION, MAX_DROP, NETWORKS, PAGE, test_images

import attar
from attar import container
from attar.compression.result import Result
from attar.graph import serialize, set_initializer, survey

BEGIN, END = "<!-- rate-distortion:begin -->", "<!-- rate-distortion:end -->"
IMAGENET = {"efficientnet_lite0": "EfficientNet-Lite0", "squeezenet": "SqueezeNet 1.1"}
DISAGREEMENTS = (1.0, 5.0)  # percent of crops with another answer than the original's
ASKED = (1.0, 3.5, 5.0)  # of attar; of all points that it tried on the way the smallest file within counts
SAMPLES = 512
DEAD_ZONE = 0.17  # of a step, off the rounding of every magnitude
SHARES = np.geomspace(0.05, 1.5, 36)  # of a tensor's standard deviation: steps of rounding to nearest
NAMED = {"lenet_300_100", "lenet5"}  # whose NNCodec files were searched tensor by tensor too


@dataclass(frozen=True)
class Row:
    """One line: bytes of the file, and the points (of accuracy, or of agreement) that it loses."""

    method: str
    size_bytes: int
    loss: float
    seconds: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*NETWORKS, *IMAGENET])
    only = parser.parse_args().only
    tables = []
    for name in [only] if only else [*NETWORKS, *IMAGENET]:
        tables.append(fashion(name) if name in NETWORKS else imagenet(name))
        print(tables[-1], flush=True)
    if only is None:
        rewrite(PAGE, BEGIN, END, "\n".join(tables))


def fashion(name: str) -> str:
    """Return the table of a network of examples/fashion: at most MAX_DROP points on the 10,000 test images."""
    path, (images, labels) = FASHION / f"{name}.onnx", test_images()
    judge, arrays = judging.drop(path, images, labels), judging.floats(path)
    file_judge = judging.file_drop(path, images, labels)
    known = {"name": f"{name}, top-1 drop on the test images"}
    rows = [*nncodec(arrays, judge, MAX_DROP, **known)]
    if name in NAMED:
        rows.append(peer_row("NNCodec, qp searched per tensor", best_per_tensor(arrays, judge, MAX_DROP, **known)))
    rows.append(nearest(path, file_judge))
    with np.load(FASHION / "calibration.npz") as stored:
        given = {"x": stored["x"]}
    rows.append(ours("attar, labels given", path, FASHION / "calibration.npz", file_judge))
    with tempfile.TemporaryDirectory() as folder:
        unlabeled = Path(folder) / "unlabeled.npz"
        np.savez(unlabeled, **given)
        rows.append(ours("attar, no labels", path, unlabeled, file_judge))
    return table(NETWORKS[name], rows, "drop, points")


def imagenet(name: str) -> str:
    """Return the tables of an ImageNet network: agreement with the original on crops that nobody calibrated with."""
    path, network = ready.path(name), ready.NETWORKS[name]
    crops = network.preprocess(photos.crops("judging"))
    judge, arrays = judging.disagreement(path, crops), judging.floats(path)
    file_judge = judging.file_disagreement(path, crops)
    given = network.preprocess(photos.crops("calibration")[:SAMPLES])
    tried = [row for asked in ASKED for row in points(path, given, crops, file_judge, min_agreement=100 - asked)]
    tables = []
    for limit in DISAGREEMENTS:
        peers = [*nncodec(arrays, judge, limit, name=f"{name}, other answers on 512 judging crops")]
        within = [row for row in tried if row.loss <= limit]
        best = [min(within, key=lambda row: row.size_bytes)] if within else []
        tables.append(table(f"{IMAGENET[name]}, {100 - limit:g} % agreement", [*peers, *best], "other answers, %"))
    return "\n".join(tables)


def nncodec(arrays, judge, limit: float, **known) -> Iterator[Row]:
    yield peer_row("NNCodec, best global qp", best_global(arrays, judge, limit, **known))
    yield peer_row("NNCodec, best global qp, opt_qp", best_global(arrays, judge, limit, opt_qp=True, **known))


def peer_row(method: str, point: Point | None) -> Row:
    return Row(method, 0, float("nan")) if point is None else Row(method, point.size_bytes, point.loss)


def nearest(path: Path, judge) -> Row:
    """Return the smallest file within the limit of rounding to nearest: one share of the deviation for all tensors."""
    found = [rounded(path, judge, share) for share in SHARES]
    return min((row for row in found if row.loss <= MAX_DROP), key=lambda row: row.size_bytes)


def rounded(path: Path, judge, share: float) -> Row:
    model = attar.load(path)
    for layer in survey(model).layers:
        values = model.graph.initializers[layer.name].const_value.numpy()
        step = np.float32(share * np.sqrt(np.mean(np.square(values, dtype=np.float64))))
        integers = np.sign(values) * np.floor(np.abs(values) / step + np.float32(0.5 - DEAD_ZONE))
        set_initializer(model, layer.name, integers * step + np.float32(0))
    data = container.to_bytes(model)
    return Row("round to nearest, dead zone", len(data), judge(serialize(container.open(data).model())))


def ours(method: str, path: Path, data, judge) -> Row:
    start = time.monotonic()
    result = attar.compress(path, data=data, eval_data=FASHION / "test.npz", max_drop=MAX_DROP)
    return Row(method, *on_disk(result, judge), time.monotonic() - start)


def points(path: Path, data: np.ndarray, crops: np.ndarray, judge, **budget) -> Iterator[Row]:
    """Yield every network that one run made along its slope."""
    start = time.monotonic()
    result = attar.compress(path, data=data, eval_data=crops, task="classify", **budget)
    seconds = time.monotonic() - start
    for number in range(1, len(result.points) + 1):
        row = Row("attar, no labels", *on_disk(result.pick(number), judge), seconds)
        print(row, flush=True)
        yield row


def on_disk(result: Result, judge: Callable) -> tuple[int, float]:
    """Write the file, read it back, and judge what comes out."""
    with tempfile.TemporaryDirectory() as folder:
        written = result.save(Path(folder) / "model.attar")
        return written.stat().st_size, judge(serialize(attar.open(written).model))


def table(title: str, rows: list[Row], loss: str) -> str:
    baseline = min(row.size_bytes for row in rows if row.method.startswith("NNCodec, best") and row.size_bytes)
    lines = [
        f"### {title}",
        "",
        f"| stored by | bytes | of NNCodec's best | {loss} | seconds |",
        "|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        seconds = "" if row.seconds is None else f"{row.seconds:.0f}"
        if not row.size_bytes:
            lines.append(f"| {row.method} | none within the limit | | | |")
            continue
        lines.append(
            f"| {row.method} | {row.size_bytes:,} | {row.size_bytes / baseline:.2f} | {row.loss:.2f} | {seconds} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
