"""Measure networks in integers beside themselves in floats: accuracy, agreement, and how wide accumulators get.

    python benches/integer.py                    # all networks, tables into docs/results.md
    python benches/integer.py --only lenet5      # one network, printed alone; the page stays as it is

Fashion-MNIST: calibrated on 500 images of calibration.npz, judged on the 10,000 test images. ImageNet networks:
calibrated on random crops of photos, judged on crops of others; labels are not known, so that agreement is all.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from coding.markdown import rewrite, table
from networks import efficientnet_lite0, photos, ready, squeezenet
from sizes import FASHION, PAGE, test_images
from sizes import NETWORKS as FASHION_NETWORKS
from threadpoolctl import threadpool_limits

import attar
from attar.evaluate import load_data
from attar.runtime import Session
from attar.runtime.integer import (
    Affine,
    FixedPoint,
    KeepSign,
    LeastSquares,
    MinMax,
    Percentile,
    Ristretto,
    calibrate,
    lower,
    run,
)
from attar.runtime.integer.schemes import Method, Scheme

BEGIN, END = "<!-- integer:begin -->", "<!-- integer:end -->"
CALIBRATED, CROPS = 500, 64  # images, and crops on either side
METHODS: dict[str, Method] = {
    "min-max": MinMax(),
    "99.99 %": Percentile(),
    "least squares": LeastSquares(),
    "Ristretto": Ristretto(),
}
SCHEMES: dict[str, Scheme] = {
    "fixed 8": FixedPoint(),
    "fixed 8, sign bit kept": FixedPoint(non_negative=KeepSign()),
    "affine 8": Affine(),
    "fixed 6": FixedPoint(6, 6),
}
WIDE: dict[str, Scheme] = {"fixed 8": FixedPoint(), "affine 8": Affine(), "fixed 12": FixedPoint(12, 12)}
CROP_NETWORKS = {
    "squeezenet": ("SqueezeNet 1.1", squeezenet.preprocess),
    "efficientnet_lite0": ("EfficientNet-Lite0", efficientnet_lite0.preprocess),
}


@dataclass(frozen=True)
class Row:
    """What a network gave in integers: logits, and the widths of its widest accumulator, planned and used."""

    scheme: str
    method: str
    logits: np.ndarray
    planned_bits: int
    used_bits: int


def rows(path: Path, samples: np.ndarray, judged: np.ndarray, schemes: dict[str, Scheme]) -> Iterator[Row]:
    """Yield a row for every scheme and method, Ristretto's for fixed point alone."""
    model = attar.load(path)
    (name,) = (value.name for value in model.graph.inputs)
    for scheme_name, scheme in schemes.items():
        for method_name, method in METHODS.items():
            if isinstance(scheme, Affine) and isinstance(method, Ristretto):
                continue
            formats = calibrate(model, {name: samples}, scheme, method=method, threads=1)
            done = run(lower(model, formats, scheme), {name: judged})
            (logits,) = done.outputs.values()
            seen = done.accumulators.values()
            widest = max(each.planned_bits for each in seen), max(each.used_bits for each in seen)
            yield Row(scheme_name, method_name, logits, *widest)


def fashion(name: str) -> str:
    """Return the section of one of the small networks."""
    images, labels = test_images()
    path = FASHION / f"{name}.onnx"
    session = Session(attar.load(path), threads=1)
    samples = load_data(str(FASHION / "calibration.npz"), session.inputs)
    (picked,) = samples.take(np.arange(0, len(samples), len(samples) // CALIBRATED)).inputs.values()
    floats = session.run_all({next(iter(session.inputs)): images})[0].argmax(axis=1)
    right = percent(floats == labels)
    lines = []
    for row in rows(path, picked, images, SCHEMES):
        classes = row.logits.argmax(axis=1)
        accuracy = percent(classes == labels)
        figures = (f"{accuracy:.2f} %", f"{right - accuracy:.2f}", f"{percent(classes == floats):.2f} %")
        lines.append((row.scheme, row.method, *figures, f"{row.planned_bits} / {row.used_bits}"))
    heads = "scheme|calibration|>top-1|>drop, points|>agreement|>accumulator bits, planned / used"
    return f"### {FASHION_NETWORKS[name]}: {right:.2f} % in floats\n\n{table(heads, lines)}\n"


def crops(name: str) -> str:
    """Return the section of one of the ImageNet networks."""
    title, preprocess = CROP_NETWORKS[name]
    samples, judged = (preprocess(photos.crops(side)[:CROPS]) for side in photos.SIDES)
    session = Session(attar.load(ready.path(name)), threads=1)
    floats = session.run_all({next(iter(session.inputs)): judged})[0]
    lines = []
    for row in rows(ready.path(name), samples, judged, WIDE):
        agreement = percent(row.logits.argmax(axis=1) == floats.argmax(axis=1))
        error = 100 * np.linalg.norm(row.logits - floats) / np.linalg.norm(floats)
        widths = f"{row.planned_bits} / {row.used_bits}"
        lines.append((row.scheme, row.method, f"{agreement:.1f} %", f"{error:.1f} %", widths))
    heads = "scheme|calibration|>agreement|>error of the logits|>accumulator bits, planned / used"
    return f"### {title}: {CROPS} crops\n\n{table(heads, lines)}\n"


def percent(hits: np.ndarray) -> float:
    return 100 * float(np.mean(hits))


def environment() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("attar", "numpy", "onnxruntime"))
    return f"Made by `python benches/integer.py` with {versions}."


SECTIONS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(FASHION_NETWORKS, fashion),
    **dict.fromkeys(CROP_NETWORKS, crops),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", choices=SECTIONS, help="measure this network alone and leave docs/results.md as it is"
    )
    only = parser.parse_args().only
    sections = []
    for name in [only] if only else SECTIONS:
        sections.append(SECTIONS[name](name))
        print(sections[-1], flush=True)
    if only is None:
        rewrite(PAGE, BEGIN, END, "\n".join([*sections, environment()]))


if __name__ == "__main__":
    with threadpool_limits(1, user_api="blas"):
        main()
