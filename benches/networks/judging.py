"""What a compressed network still gets right: arrays put back into its ONNX file, and that file run by onnxruntime.

A judge is made once for a network and its inputs, takes arrays by initializer's name, and returns a loss in points.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, numpy_helper
from peers.lossy import Arrays
from peers.sweep import Judge

FileJudge = Callable[[bytes], float]

BATCH = 64
THREADS = 1


def floats(path: Path) -> dict[str, np.ndarray]:
    """Return every float32 initializer of an ONNX file: weights, biases, norms. Integer buffers are left out."""
    tensors = onnx.load(path).graph.initializer
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors if tensor.data_type == TensorProto.FLOAT}


def filled(path: Path, arrays: Arrays) -> bytes:
    """Return the ONNX file with these arrays for the initializers of their names."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name in arrays:
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(arrays[tensor.name], dtype=np.float32), tensor.name))
    return model.SerializeToString()


def answers(model: bytes, inputs: np.ndarray, *, threads: int = THREADS) -> np.ndarray:
    """Return the top class of every input."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    starts = range(0, len(inputs), BATCH)
    return np.concatenate([session.run(None, {name: inputs[at : at + BATCH]})[0].argmax(axis=1) for at in starts])


def drop(path: Path, inputs: np.ndarray, labels: np.ndarray, *, threads: int = THREADS) -> Judge:
    """Return the judge of top-1 accuracy lost to the file at `path`, in points; negative where it was won."""
    judge = file_drop(path, inputs, labels, threads=threads)
    return lambda arrays: judge(filled(path, arrays))


def file_drop(path: Path, inputs: np.ndarray, labels: np.ndarray, *, threads: int = THREADS) -> FileJudge:
    """Return the same judge for whole ONNX files, whose graph may be another."""
    right = correct(answers(path.read_bytes(), inputs, threads=threads), labels)
    return lambda model: 100 * (right - correct(answers(model, inputs, threads=threads), labels)) / len(labels)


def disagreement(path: Path, inputs: np.ndarray, *, threads: int = THREADS) -> Judge:
    """Return the judge of answers that differ from those of the file at `path`, percent: 100 less the agreement."""
    judge = file_disagreement(path, inputs, threads=threads)
    return lambda arrays: judge(filled(path, arrays))


def file_disagreement(path: Path, inputs: np.ndarray, *, threads: int = THREADS) -> FileJudge:
    """Return the same judge for whole ONNX files."""
    original = answers(path.read_bytes(), inputs, threads=threads)
    return lambda model: 100 - 100 * correct(answers(model, inputs, threads=threads), original) / len(inputs)


def correct(found: np.ndarray, wanted: np.ndarray) -> int:
    return int((found == wanted).sum())
