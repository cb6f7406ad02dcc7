"""Networks of other formats are named by what is in them, with the way to ONNX, whatever they are called."""

import io
import zipfile

import pytest
import safetensors.numpy
from common.networks import conv_net, normal

from attar.errors import ModelError
from attar.graph import load


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


FOREIGN = {
    "compressed": (b"\x89ATR\x02" + bytes(40), "attar export .* --to onnx"),
    "torch": (zipped("archive/data.pkl", "archive/data/0"), "torch.onnx.export"),
    "old torch": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + bytes(50), "torch.onnx.export"),
    "script": (zipped("net/code/__torch__.py", "net/data.pkl"), "TorchScript"),
    "safetensors": (safetensors.numpy.save({"w": normal(3, 5)}), "weights in safetensors, without a graph"),
    "tflite": (b"\x1c\0\0\0TFL3" + bytes(60), "tf2onnx.convert --tflite"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(60), "model.export"),
    "keras": (zipped("config.json", "model.weights.h5"), "a Keras network"),
    "gguf": (b"GGUF\3\0\0\0" + bytes(60), "optimum-cli export onnx"),
    "packed": (b"\x1f\x8b\x08" + bytes(60), "unpack it first"),
    "ort": (b"\x20\0\0\0ORTM" + bytes(60), "the ONNX file that it was made of"),
    "zip": (zipped("readme.txt"), "a zip file, not ONNX"),
}


@pytest.mark.parametrize("suffix", [".onnx", ".model"])
@pytest.mark.parametrize(("content", "says"), FOREIGN.values(), ids=FOREIGN)
def test_a_format_is_known_by_its_content(tmp_path, content, says, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=says) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [("net.pb", "--graphdef"), ("net.mlmodel", "Core ML"), ("net.pth", "torch"), ("net.bin", "OpenVINO")],
)
def test_what_has_no_signature_is_known_by_its_name(tmp_path, name, says):
    (tmp_path / name).write_bytes(b"\n\x07unknown, and no message of ONNX")
    with pytest.raises(ModelError, match=says):
        load(tmp_path / name)


def test_folders_of_networks(tmp_path):
    for name, file, says in (("saved", "saved_model.pb", "--saved-model"), ("hub", "config.json", "optimum-cli")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).touch()
        with pytest.raises(ModelError, match=says):
            load(tmp_path / name)
    (tmp_path / "core.mlpackage").mkdir()
    with pytest.raises(ModelError, match="Core ML"):
        load(tmp_path / "core.mlpackage")


@pytest.mark.parametrize("name", ["net.onnx", "net.pt", "net.bin", "net"])
def test_a_network_in_onnx_is_read_whatever_it_is_called(tmp_path, name):
    (tmp_path / name).write_bytes(conv_net().SerializeToString())
    assert len(load(tmp_path / name).graph) == len(conv_net().graph.node)
