"""Hold what `attar export --to qdq` writes against the engine, in onnxruntime; time it with signs and without.

    python benches/qdq.py                  # everything, tables into docs/results.md
    python benches/qdq.py --only lenet5    # the answers of one network, printed alone
    python benches/qdq.py --only times     # the times alone, printed

Answers are those to the 10,000 test images of Fashion-MNIST, to networks compressed with the recipe int8 and `integer`.
A layer is looked at on fewer images, with onnxruntime's optimizations and without: the oracle computes it from the
integers that onnxruntime gave it, so that what is counted is the layer's own.
"""

import argparse
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime as ort
from coding.markdown import at_most, rewrite, table
from engine import network, samples
from sizes import FASHION, PAGE, test_images
from sizes import NETWORKS as FASHION_NETWORKS

import attar
from attar.evaluate.latency import Entrant, compete
from attar.export import to_qdq_onnx
from attar.graph import load, serialize
from attar.graph.expose import expose
from attar.graph.norms import simplify_norms
from attar.runtime.engine import Engine
from attar.runtime.integer import Affine, MinMax, from_qdq, observe, to_qdq
from attar.runtime.integer.accumulators import Record
from attar.runtime.integer.execute import Machine, execute

BEGIN, END = "<!-- qdq:begin -->", "<!-- qdq:end -->"
ARITHMETICS = ("affine", "fixed-point")
LEVELS = ("ORT_ENABLE_ALL", "ORT_DISABLE_ALL")
BATCH, LOOKED_AT, STEP_BAR = 500, 200, 1
TIMED = ("small VGG", "resnet18")


def session_of(model: bytes, level: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    return ort.InferenceSession(model, options, ["CPUExecutionProvider"])


def answers(model: bytes, images: np.ndarray) -> np.ndarray:
    """Return what onnxruntime answers with its own integer kernels."""
    session = session_of(model, LEVELS[0])
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: images[start : start + BATCH]})[0] for start in range(0, len(images), BATCH)]
    return np.concatenate(parts)


def steps_of_a_layer(path: Path, images: np.ndarray, level: str) -> int:
    """Return by how many steps a layer's integers differ at most, each computed from onnxruntime's own inputs."""
    model = load(path, fold=False)
    program = from_qdq(model)
    made = {value.name for node in model.graph for value in node.outputs}
    names = [name for name in program.tensors if f"{name}/quantized" in made]
    session = session_of(serialize(expose(model, [f"{name}/quantized" for name in names])), level)
    found = session.run([f"{name}/quantized" for name in names], {session.get_inputs()[0].name: images})
    theirs = {name: values.astype(np.int32) for name, values in zip(names, found, strict=True)}
    tensors, most = {name: theirs[name] for name in program.inputs}, 0
    for operator in program.operators:
        ours = execute(operator, Machine(program, tensors, Record()))
        tensors[operator.output] = theirs.get(operator.output, ours)
        most = max(most, int(np.abs(ours - tensors[operator.output]).max()))
    return most


def answered(name: str) -> list[tuple[str, ...]]:
    """Return the rows of one network, one for each arithmetic."""
    images, labels = test_images()
    rows = []
    for arithmetic in ARITHMETICS:
        result = attar.compress(
            FASHION / f"{name}.onnx",
            data=FASHION / "calibration.npz",
            recipe="int8",
            integer=arithmetic,
            max_drop=5,
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "exported.onnx"
            path.write_bytes(to_qdq_onnx(result.file))
            (ours,), theirs = Engine(result.data)(images).values(), answers(path.read_bytes(), images)
            most = max(steps_of_a_layer(path, images[:LOOKED_AT], level) for level in LEVELS)
            program = from_qdq(load(path, fold=False))
        apart = np.abs(np.rint((ours - theirs) / program.tensors[program.outputs[0]].format.scale))
        classes = ours.argmax(axis=1), theirs.argmax(axis=1)
        shares = [percent(each == labels) for each in classes]
        rows.append(
            (
                FASHION_NETWORKS[name],
                arithmetic,
                *shares,
                percent(classes[0] == classes[1]),
                percent(apart > 0),
                f"{int(apart.max())}",
                f"{most}",
                at_most(most, STEP_BAR),
            )
        )
        print(*rows[-1], sep="  ", flush=True)
    return rows


def percent(hits: np.ndarray) -> str:
    return f"{100 * float(np.mean(hits)):.2f} %"


def timed(threads: int = 1) -> list[tuple[str, ...]]:
    """Return the rows of the times: each network with signed activations and with unsigned ones, turn by turn."""
    rows = []
    for name in TIMED:
        if name == "resnet18":
            proto = network(name)
            model, inputs = simplify_norms(load(proto)).model, samples(proto)
        else:
            model, inputs = attar.load(FASHION / "vgg_small.onnx"), {"image": test_images()[0][:BATCH]}
        formats = observe(model, inputs).formats(Affine(), method=MinMax())
        with tempfile.TemporaryDirectory() as folder:
            entrants = []
            for kind in ("signed", "unsigned"):
                path = Path(folder) / f"{kind}.onnx"
                path.write_bytes(serialize(to_qdq(model, formats, Affine(), unsigned=kind == "unsigned")))
                entrants.append(Entrant(str(path), "onnxruntime", threads))
            timings = compete(entrants, turns=15, runs=200 if name != "resnet18" else 8, loads=1)
        for timing in timings:
            ratio = timing.median_seconds / timings[0].median_seconds
            kind = Path(timing.entrant.file).stem
            rows.append((name, kind, f"{1e3 * timing.median_seconds:.2f}", f"{ratio:.2f}"))
            print(*rows[-1], sep="  ", flush=True)
    return rows


def page(answers_: list[tuple[str, ...]], times: list[tuple[str, ...]]) -> str:
    """Return the tables."""
    heads = "network|arithmetic|>top-1, engine|>top-1, onnxruntime|>same class|>logits that differ|>by steps, most"
    parts = [table(f"{heads}|>a layer, most|", answers_)] if answers_ else []
    parts += [table("network|activations|>ms in onnxruntime, one thread|>ratio", times)] if times else []
    versions = ", ".join(f"{name} {version(name)}" for name in ("attar", "onnxruntime"))
    return "\n\n".join([*parts, f"Made by `python benches/qdq.py` with {versions}.\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*FASHION_NETWORKS, "times"], help="measure this alone and write nothing")
    only = parser.parse_args().only
    names = FASHION_NETWORKS if only is None else [name for name in FASHION_NETWORKS if name == only]
    rows = [row for name in names for row in answered(name)]
    text = page(rows, timed() if only in (None, "times") else [])
    print(text)
    if only is None:
        rewrite(PAGE, BEGIN, END, text)


if __name__ == "__main__":
    main()
