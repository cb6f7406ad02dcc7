"""Make tables 1 and 2 of Ge et al. 2017 with the recipe `ge2017`, and judge its memory for activations on test images.

    python benches/ge2017.py                   # all networks, tables into docs/results.md
    python benches/ge2017.py --only lenet5     # one network, printed alone

The wide VGG is not in the repository. It is read from benches/.peers/vgg_wide.onnx, made in about an hour by

    python examples/train_fashion.py --only vgg_wide --out benches/.peers

and left out where it is missing. Calibrated and searched on the unlabeled images of calibration.npz, no retraining,
judged on the 10,000 test images. Every size is that of a file; the integer oracle runs the file's own integers.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx_ir as ir
from coding.markdown import at_least, at_most, rewrite, table
from memory import vgg16_shapes
from networks import alexnet, vgg16
from networks.shapes import zeros
from peers.environment import STORE
from sizes import FASHION, MEAN, PAGE, STD, test_images

import attar
from attar import codec
from attar.container import AttarFile
from attar.graph import layer_macs, load, survey
from attar.report.allocation import Allocation
from attar.report.stages import StageRow
from attar.runtime import Session
from attar.runtime.integer import FixedPoint, KeepSign, LeastSquares, lower, observe, run

BEGIN, END = "<!-- ge2017:begin -->", "<!-- ge2017:end -->"
MAX_DROP, CALIBRATED = 1.0, 500
ASKED = 0.875  # points: the calibration images are of the training split, where networks are surer than they should be
TIMES = {"lenet5": 22, "vgg_wide": 40}  # smaller: bars
MAC_BARS = {"vgg_wide": 1 / 3}
BUFFER_BAR, BUFFER_DROP = 0.75, 0.3
RANK = 128  # of AlexNet's matrices in the paper, as its 9.41 % tell
TITLES = {"lenet5": "LeNet-5", "vgg_small": "Small VGG", "vgg_wide": "Wide VGG"}
PAPER = (
    ("AlexNet, ImageNet (paper)", "241 MB", "11 MB", "21.9", "1.14 G", "0.38 G", "57.2 -> 55.4 %"),
    ("VGG-16, ImageNet (paper)", "537 MB", "24 MB", "22.4", "15.5 G", "5.83 G", "not given"),
    ("VGG-Face, LFW (paper)", "553 MB", "17 MB", "32", "15.5 G", "5.82 G", "97.27 -> 96.88 %"),
)


def path_of(name: str) -> Path:
    return STORE / "vgg_wide.onnx" if name == "vgg_wide" else FASHION / f"{name}.onnx"


def section(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the tables of one network, and its row of table 2."""
    images = np.load(FASHION / "calibration.npz")["x"]
    given = ((images.astype(np.float32) / 255 - MEAN) / STD).astype(np.float32)
    start = time.monotonic()
    result = attar.compress(path_of(name), data=given, eval_data=test_images(), recipe="ge2017", max_drop=ASKED, seed=0)
    seconds = time.monotonic() - start
    rows, measured = result.report.stages, result.measurement
    first, coding = rows[0], next(row for row in rows if row.name == "coding")
    times, macs = first.size_bytes / coding.size_bytes, coding.held.macs / first.held.macs
    verdicts = [f"{times:.1f} times smaller" + (f", {at_least(times, TIMES[name])}" if name in TIMES else "")]
    verdicts.append(f"{measured.drop:.2f} points lost, {at_most(measured.drop, MAX_DROP)}")
    saved = f"{100 * (1 - macs):.0f} % of the multiplications saved"
    verdicts.append(saved + (f", {at_most(macs, round(MAC_BARS[name], 3))} left" if name in MAC_BARS else ""))
    verdicts.append(f"rank correlation of E_c and accuracy {result.report.search['error_rank_correlation']:.2f}")
    text = [f"### {TITLES[name]}, stage by stage", "", "; ".join(verdicts) + f"; {seconds:.0f} seconds.", ""]
    text += [stages(rows), "", *activations(name, result.file, result.report.allocation, given), ""]
    sizes = (f"{first.size_bytes / 1e6:.2f} MB", f"{coding.size_bytes / 1e6:.3f} MB", f"{times:.1f}")
    work = (f"{first.held.macs / 1e6:.1f} M", f"{coding.held.macs / 1e6:.1f} M")
    return "\n".join(text), (TITLES[name], *sizes, *work, f"{measured.before:.2f} -> {measured.after:.2f} %")


def stages(rows: tuple[StageRow, ...]) -> str:
    lines = []
    for row in rows:
        share = f"{100 * row.held.nonzero / row.held.weights:.1f} %"
        held = (f"{row.held.weights:,}", share, f"{row.bits_per_weight:.2f}", f"{row.held.macs:,}")
        times = f"{rows[0].size_bytes / row.size_bytes:.1f}"
        lines.append((row.name, f"{row.size_bytes:,}", times, *held, f"{row.error:.4f}", f"{row.drop:.2f}"))
    heads = "stage|>bytes|>times|>weights|>not zero|>bits/weight|>MACs, not zero|>E_c|>predicted drop"
    return table(heads, lines)


def activations(name: str, file: AttarFile, found: Allocation | str | None, given: np.ndarray) -> Iterator[str]:
    """Yield what the allocation came to, the networks run in integers on the test images."""
    if not isinstance(found, Allocation):
        yield f"No memory allocated: {found}."
        return
    floats = Session(file.model()).run_all({"image": test_images()[0]})[0]
    widths = {width.name: width.bits for width in found.widths}
    exact = [accuracy(floats), in_integers(file, {}, given), in_integers(file, widths, given)]
    share = found.uses[2].shared_bytes / found.uses[1].shared_bytes
    lost = exact[1] - exact[2]
    yield (
        f"Activations: one buffer of {share:.3f} times that of 8 bits, {at_most(share, BUFFER_BAR)}; {lost:.2f} points "
        f"lost to it, {at_most(lost, BUFFER_DROP)}. Widths: {', '.join(f'{n} {bits}' for n, bits in widths.items())}."
    )
    yield ""
    lines = [
        (
            use.name,
            f"{use.shared_bytes:,}",
            f"{use.ping_pong_bytes:,}",
            f"{use.weight_bytes:,}",
            f"{use.activation_bytes:,}",
            f"{use.traffic_bytes:,}",
            "-" if use.accumulator_bits is None else use.accumulator_bits,
            f"{right:.2f} %",
        )
        for use, right in zip(found.uses, exact, strict=True)
    ]
    heads = ">one buffer|>two in a row|>weights read|>activations moved|>DRAM bytes an inference|>sums, bits|>top-1"
    yield table(f"activations|{heads}", lines)


def in_integers(file: AttarFile, bits: dict[str, int], given: np.ndarray) -> float:
    """Return the accuracy of the file's integers under these widths, 8 where there is none."""
    model, weights = file.model(), dict(integers(file))
    seen = observe(model, {"image": given[:: len(given) // CALIBRATED]}, kept=weights)
    scheme = FixedPoint(bits, non_negative=KeepSign())
    program = lower(model, seen.formats(scheme, method=LeastSquares()), scheme, weights=weights)
    (logits,) = run(program, {"image": test_images()[0]}).outputs.values()
    return accuracy(logits)


def integers(file: AttarFile) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """Yield the integers and the step of every layer's weights, as the file's streams hold them."""
    layers = {layer.name for layer in survey(file.model()).layers}
    for entry in file.entries:
        if entry.name in layers and codec.describe(entry.coder).startswith("grid"):
            known = {"dtype": entry.dtype, "shape": entry.shape, "element": "int16"}
            found = codec.decode_quantized(entry.coder, file.stream(entry.name), **known)
            yield entry.name, (found.integers, found.scales)


def accuracy(scores: np.ndarray) -> float:
    return 100 * float((scores.argmax(axis=1) == test_images()[1]).mean())


def of_the_paper() -> str:
    """Return what the paper's own networks come to as graphs of zeros."""
    first, second = load(alexnet.build(zeros(alexnet.shapes()))), load(vgg16.build(iter(zeros(vgg16_shapes()).items())))
    layers = survey(first).layers
    low_rank = sum(RANK * sum(layer.shape) if layer.role == "matrix" else layer.size for layer in layers)
    whole = sum(layer.size for layer in layers)
    lines = [
        ("AlexNet, two groups", f"{total(first):,}", f"{macs(first) / 1e9:.3f} G", "61 M and 1.14 G"),
        ("its matrices at rank 128", f"{low_rank:,} of {whole:,}", "", f"{100 * low_rank / whole:.2f} %; 9.41 %"),
        ("VGG-16", f"{total(second):,}", f"{macs(second) / 1e9:.3f} G", "537 MB and 15.5 G"),
    ]
    return table("as a graph|>parameters|>MACs|>the paper says", lines)


def total(model: ir.Model) -> int:
    return sum(int(np.prod(value.shape.numpy())) for value in model.graph.initializers.values() if value.shape.rank())


def macs(model: ir.Model) -> int:
    return sum(layer_macs(model).values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=TITLES)
    only = parser.parse_args().only
    sections, summary = [], []
    for name in [only] if only else TITLES:
        if not path_of(name).exists():
            print(f"{name}: {path_of(name)} is missing, see --help")
            continue
        text, row = section(name)
        print(text, flush=True)
        sections.append(text)
        summary.append(row)
    heads = "network|>before|>after|>times|>MACs before|>after|top-1"
    sections += ["### Table 2", "", table(heads, [*summary, *PAPER]), "", of_the_paper()]
    print("\n".join(sections[-4:]))
    if only is None:
        rewrite(PAGE, BEGIN, END, "\n".join(sections))


if __name__ == "__main__":
    main()
