"""Measure the size table of docs/results.md: attar beside what a user would try first, on examples/fashion.

    python benches/sizes.py                    # all networks; prints the tables and writes them into docs/results.md
    python benches/sizes.py --only lenet5      # one network, printed alone; the page stays as it is

Every method gives one byte string that is then read back: the accuracy is that of what the reader gets out of it.
"""

import argparse
import tempfile
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import zstandard
from coding.markdown import rewrite
from onnx import numpy_helper

import attar
from attar.graph import serialize, survey
from attar.numerics.kmeans import Linear, assign, fit_codebook

ROOT = Path(__file__).parents[1]
FASHION = ROOT / "examples" / "fashion"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- sizes:begin -->", "<!-- sizes:end -->"
NETWORKS = {"lenet_300_100": "LeNet-300-100", "lenet5": "LeNet-5", "vgg_small": "Small VGG"}
MEAN, STD = 0.2860, 0.3530
MAX_DROP = 0.5
BATCH = 500
SCALES, CODEBOOK = "/scales", "/codebook"  # what the baselines append to the name of a tensor


@dataclass(frozen=True)
class Row:
    """One line of a table: the bytes that a reader needs, and the top-1 accuracy (percent) of what it reads."""

    method: str
    size_bytes: int
    top1: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", choices=NETWORKS, help="measure this network alone and leave docs/results.md as it is"
    )
    only = parser.parse_args().only
    images, labels = test_images()
    tables = []
    for name in [only] if only else NETWORKS:
        tables.append(table(name, list(measure(FASHION / f"{name}.onnx", images, labels))))
        print(tables[-1], flush=True)
    if only is None:
        rewrite(PAGE, BEGIN, END, "\n".join([*tables, environment()]))
        print(f"written into {PAGE.relative_to(ROOT)}")


def measure(path: Path, images: np.ndarray, labels: np.ndarray) -> Iterator[Row]:
    """Yield the row of every method for the network at `path`."""
    data = path.read_bytes()
    yield Row("fp32, the ONNX file", len(data), accuracy(data, images, labels))
    for method, pack, unpack in (
        ("fp32 + zstd-19", lambda model: model, lambda model: model),
        ("int8 per channel + zstd-19", pack_int8, unpack_int8),
        ("4-bit k-means + zstd-19", pack_kmeans, unpack_kmeans),
    ):
        stored = smallest_zstd(data, pack)
        yield Row(method, len(stored), accuracy(read_zstd(stored, unpack), images, labels))
    yield compressed_row(path, images, labels)


def compressed_row(path: Path, images: np.ndarray, labels: np.ndarray) -> Row:
    """Compress with attar, write the file, and read that file back."""
    data, eval_data = FASHION / "calibration.npz", FASHION / "test.npz"
    result = attar.compress(path, data=data, eval_data=eval_data, max_drop=MAX_DROP)
    with tempfile.TemporaryDirectory() as folder:
        written = result.save(Path(folder) / "model.attar")
        decoded = serialize(attar.open(written).model)
        return Row("attar compress", written.stat().st_size, accuracy(decoded, images, labels))


# The baselines: an ONNX message whose weights are replaced by integers and what turns them back, then zstd.


def smallest_zstd(data: bytes, pack: Callable[[onnx.ModelProto], onnx.ModelProto]) -> bytes:
    """Return the packed network under zstd, integers of less than 8 bits one a byte or packed, whichever is smaller."""
    packed = pack(onnx.load_from_string(data))
    return min((zstd(message) for message in (packed, nibbles(packed))), key=len)


def zstd(model: onnx.ModelProto) -> bytes:
    return zstandard.ZstdCompressor(level=19).compress(model.SerializeToString(deterministic=True))


def read_zstd(stored: bytes, unpack: Callable[[onnx.ModelProto], onnx.ModelProto]) -> bytes:
    """Return the fp32 ONNX file that a reader rebuilds from `stored` and nothing else."""
    return unpack(onnx.load_from_string(zstandard.ZstdDecompressor().decompress(stored))).SerializeToString()


def pack_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace every weight tensor by int8, symmetric, with one float32 scale for every output channel: max|w| / 127."""
    axes = {layer.name: layer.channel_axis for layer in survey(attar.load(model)).layers}
    for tensor in weight_tensors(model, axes):
        values = numpy_helper.to_array(tensor)
        others = tuple(axis for axis in range(values.ndim) if axis != axes[tensor.name])
        peaks = np.abs(values).max(axis=others, keepdims=True)
        scales = np.where(peaks > 0, peaks / np.float32(127), np.float32(1))
        put(model, tensor.name + SCALES, scales)
        tensor.CopyFrom(numpy_helper.from_array(np.rint(values / scales).astype(np.int8), tensor.name))
    return without_notes(model)


def unpack_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    for tensor, scales in pairs_of(model, SCALES):
        values = numpy_helper.to_array(tensor).astype(np.float32) * scales
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return drop(model, SCALES)


def pack_kmeans(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace every weight tensor by indices into its own 16 float32 centroids."""
    layers = {layer.name for layer in survey(attar.load(model)).layers}
    for tensor in weight_tensors(model, layers):
        values = numpy_helper.to_array(tensor)
        centroids = fit_codebook(values, 16, start=Linear())
        put(model, tensor.name + CODEBOOK, centroids)
        tensor.CopyFrom(numpy_helper.from_array(assign(values, centroids).astype(np.uint8), tensor.name))
    return without_notes(model)


def unpack_kmeans(model: onnx.ModelProto) -> onnx.ModelProto:
    for tensor, centroids in pairs_of(model, CODEBOOK):
        values = centroids[numpy_helper.to_array(tensor).astype(np.int64)]
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return drop(model, CODEBOOK)


def nibbles(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which tensors of 4-bit indices hold two in a byte (ONNX's UINT4)."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        if tensor.data_type == onnx.TensorProto.UINT8:
            flat = np.append(numpy_helper.to_array(tensor).ravel(), np.uint8(0))  # an odd count needs a last half byte
            pairs = flat[: len(flat) // 2 * 2].reshape(-1, 2)
            tensor.raw_data = (pairs[:, 0] | pairs[:, 1] << 4).tobytes()
            tensor.data_type = onnx.TensorProto.UINT4
    return copy


def weight_tensors(model: onnx.ModelProto, names: Container[str]) -> list[onnx.TensorProto]:
    return [tensor for tensor in model.graph.initializer if tensor.name in names]


def pairs_of(model: onnx.ModelProto, suffix: str) -> list[tuple[onnx.TensorProto, np.ndarray]]:
    """Return every tensor that was replaced by integers, with what turns them back."""
    found = {tensor.name: tensor for tensor in model.graph.initializer}
    names = [name for name in found if name.endswith(suffix)]
    return [(found[name.removesuffix(suffix)], numpy_helper.to_array(found[name])) for name in names]


def put(model: onnx.ModelProto, name: str, values: np.ndarray) -> None:
    model.graph.initializer.append(numpy_helper.from_array(values, name))


def drop(model: onnx.ModelProto, suffix: str) -> onnx.ModelProto:
    kept = [tensor for tensor in model.graph.initializer if not tensor.name.endswith(suffix)]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model


def without_notes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Leave out the inferred shapes, as attar does, so that the comparison is about the weights."""
    del model.graph.value_info[:]
    return model


# Accuracy and the page.


def test_images() -> tuple[np.ndarray, np.ndarray]:
    """Return the 10,000 test images as the networks want them, and their labels."""
    with np.load(FASHION / "test.npz") as stored:
        images = (stored["x"].astype(np.float32) * np.float32(1 / 255) - np.float32(MEAN)) / np.float32(STD)
        return images, stored["y"]


def accuracy(model: bytes, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the top-1 accuracy of an ONNX file in onnxruntime, percent."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batches = (images[start : start + BATCH] for start in range(0, len(images), BATCH))
    answers = np.concatenate([session.run(None, {name: batch})[0].argmax(axis=1) for batch in batches])
    return 100 * float((answers == labels).mean())


def table(name: str, rows: list[Row]) -> str:
    """Return one network's table; ratios are against its parameters at 4 bytes each."""
    floats = onnx.load(FASHION / f"{name}.onnx").graph.initializer
    weights = 4 * sum(int(np.prod(t.dims)) for t in floats if t.data_type == onnx.TensorProto.FLOAT)
    lines = [f"### {NETWORKS[name]}: {weights // 4:,} parameters, {weights:,} bytes in fp32", ""]
    lines += ["| stored as | bytes | ratio | top-1 | drop, points |", "|---|--:|--:|--:|--:|"]
    lines += [
        f"| {row.method} | {row.size_bytes:,} | {weights / row.size_bytes:.2f}x | {row.top1:.2f} % "
        f"| {rows[0].top1 - row.top1:.2f} |"
        for row in rows
    ]
    return "\n".join([*lines, ""])


def environment() -> str:
    names = ("attar", "numpy", "onnx", "onnxruntime", "zstandard")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return f"Made by `python benches/sizes.py` with {versions}."


if __name__ == "__main__":
    main()
