"""Networks of other formats, known by what is in them: what they are, and how one gets to ONNX from there."""

import zipfile
from pathlib import Path
from typing import BinaryIO

from ..errors import ModelError
from ..files import open_file

HEAD_BYTES = 64
TORCH = "in Python, attar.compress(module, example_inputs=...) or torch.onnx.export(module, ...)"
TENSORFLOW = "python -m tf2onnx.convert --{how} {path} --output model.onnx"
FROM_SOURCE = "export the network to ONNX where it was trained"
SIGNATURES = (  # (offset, bytes, what it is, how to get to ONNX)
    (0, b"\x89ATR", "a compressed file of attar's", "attar export {path} --to onnx -o model.onnx"),
    (0, b"\x89HDF\r\n\x1a\n", "a Keras network in HDF5", 'in Python, model.export("model.onnx", format="onnx")'),
    (4, b"TFL3", "a TensorFlow Lite network", TENSORFLOW.replace("{how}", "tflite")),
    (4, b"ORTM", "a network in onnxruntime's own format", "give the ONNX file that it was made of"),
    (0, b"GGUF", "a language model for llama.cpp", "optimum-cli export onnx, from the original"),
    (0, b"\x93NUMPY", "an array of numpy, no network", FROM_SOURCE),
    (0, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", "a checkpoint of torch", TORCH),
    (0, b"\x1f\x8b", "a packed file", "unpack it first"),
    (0, b"<?xml", "a network of OpenVINO's, or other XML", FROM_SOURCE),
)
SUFFIXES = {  # of files that have no signature: (what it is, how to get to ONNX)
    ".pb": ("a TensorFlow graph", TENSORFLOW.replace("{how}", "graphdef")),
    ".mlmodel": ("a Core ML network", FROM_SOURCE),
    ".pt": ("a file of torch's", TORCH),
    ".pth": ("a file of torch's", TORCH),
    ".bin": ("weights of torch or of OpenVINO", FROM_SOURCE),
    ".ckpt": ("a checkpoint", FROM_SOURCE),
    ".pdmodel": ("a Paddle network", "paddle2onnx --model_filename {path} --save_file model.onnx"),
    ".h5": ("a file of Keras's", 'in Python, model.export("model.onnx", format="onnx")'),
    ".json": ("JSON, no network", FROM_SOURCE),
}


def way_to_onnx(path: Path) -> str | None:
    """Return what a file or folder of another format is and how to get to ONNX, by its content; None of all else.

    Raises:
        ModelError: it can't be read.
    """
    try:
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            return None
    except (OSError, ValueError):  # a name that no file can have: who reads it says so
        return None
    with open_file(path, error=ModelError) as file:
        head = file.read(HEAD_BYTES)
        packed = _zipped(file) if head.startswith(b"PK") else None
    found = next(((what, how) for at, magic, what, how in SIGNATURES if head[at : at + len(magic)] == magic), None)
    return _told(path, packed or found or _safetensors(path, head))


def by_suffix(path: Path) -> str | None:
    """Return the same for a file that is no ONNX file, by its name alone."""
    return _told(path, SUFFIXES.get(path.suffix.lower()))


def _told(path: Path, found: tuple[str, str] | None) -> str | None:
    return None if found is None else f"is {found[0]}, not ONNX: {found[1].replace('{path}', str(path))}"


def _folder(path: Path) -> str | None:
    if (path / "saved_model.pb").exists():
        return _told(path, ("a TensorFlow SavedModel", TENSORFLOW.replace("{how}", "saved-model")))
    if path.suffix.lower() == ".mlpackage":
        return _told(path, ("a Core ML network", FROM_SOURCE))
    if (path / "config.json").exists():
        return _told(path, ("a folder of Hugging Face's", "optimum-cli export onnx --model {path} onnx/"))
    return None


def _zipped(file: BinaryIO) -> tuple[str, str] | None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None
    if "model.weights.h5" in names:
        return "a Keras network", 'in Python, keras.models.load_model(...).export("model.onnx", format="onnx")'
    if any("/code/" in name for name in names):
        return "a TorchScript network", "torch.onnx.export of the module that it was made of"
    if any(name.endswith(("data.pkl", "archive_format", "serialized_exported_program.json")) for name in names):
        return "a file of torch's, weights or a module", TORCH
    return "a zip file", FROM_SOURCE


def _safetensors(path: Path, head: bytes) -> tuple[str, str] | None:
    length = int.from_bytes(head[:8], "little")
    if len(head) > 9 and head[8:9] == b"{" and 2 <= length <= path.stat().st_size - 8:
        return "weights in safetensors, without a graph", f"{FROM_SOURCE}; {TORCH}"
    return None
