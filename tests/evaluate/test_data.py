"""Arrays become samples that fit the network, or one clear DataError says why not."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attar.errors import AttarWarning, DataError
from attar.evaluate import load_data
from attar.evaluate.labels import check_labels
from attar.evaluate.sources import numpy_file

from . import functions

FLOAT = np.dtype(np.float32)
ONE = {"a": ((None, 2), FLOAT)}
TWO = {"a": ((None, 2), FLOAT), "b": ((None,), np.dtype(np.int64))}
HERE = functions.__name__
x = np.arange(6, dtype=np.float32).reshape(3, 2)


def refused(spec, message, inputs=ONE):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        load_data(spec, inputs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spec", [x, x.tolist(), {"x": x}, {"a": x}], ids=["array", "lists", "x", "by name"])
def test_arrays_without_labels(spec):
    data = load_data(spec, ONE)
    np.testing.assert_array_equal(data.inputs["a"], x)
    assert data.labels is None and len(data) == 3


@pytest.mark.parametrize("spec", [(x, [0, 1, 2]), {"x": x, "y": [0, 1, 2]}, {"a": x, "y": [0, 1, 2]}])
def test_arrays_with_labels(spec):
    np.testing.assert_array_equal(load_data(spec, ONE).labels, [0, 1, 2])


def test_arrays_are_named_as_the_inputs_of_a_network_with_several():
    with pytest.warns(AttarWarning, match="'spare' not used: the network's inputs are"):
        data = load_data({"b": [7, 8, 9], "a": x, "spare": x}, TWO)
    assert list(data.inputs) == ["a", "b"]
    assert data.inputs["b"].dtype == np.int64


def test_an_input_called_y_is_not_taken_for_labels():
    data = load_data({"y": x}, {"y": ((None, 2), FLOAT)})
    assert data.labels is None and list(data.inputs) == ["y"]


def test_samples_take_the_type_of_the_input():
    assert load_data(x.astype(np.float64), ONE).inputs["a"].dtype == np.float32


def test_integers_become_floats_by_the_preprocessing():
    config = {"rescale_factor": 0.5, "image_mean": [1.0, 2.0], "image_std": [2.0, 4.0]}
    data = load_data(np.array([[10, 20]], np.uint8), ONE, preprocessing=config)
    np.testing.assert_array_equal(data.inputs["a"], [[2.0, 2.0]])
    assert data.preprocessing == config


def test_floats_are_taken_as_they_are():
    np.testing.assert_array_equal(
        load_data(x, ONE, preprocessing={"image_mean": [9, 9], "image_std": [9, 9]}).inputs["a"], x
    )


def test_a_dataset_passes_through():
    data = load_data(x, ONE)
    assert load_data(data, TWO) is data


@pytest.mark.parametrize("names", [("x", "y"), ("a", "y")])
def test_npz(tmp_path, names):
    np.savez(tmp_path / "d.npz", **dict(zip(names, (x, np.array([0, 1, 1], np.uint8)), strict=True)))
    data = load_data(tmp_path / "d.npz", ONE)
    np.testing.assert_array_equal(data.inputs["a"], x)
    np.testing.assert_array_equal(data.labels, [0, 1, 1])
    assert data.source == str(tmp_path / "d.npz")


def test_npy(tmp_path):
    np.save(tmp_path / "d.npy", x)
    np.testing.assert_array_equal(load_data(str(tmp_path / "d.npy"), ONE).inputs["a"], x)


def test_a_config_beside_the_npz_wins_over_the_network_s(tmp_path):
    np.save(tmp_path / "d.npy", np.full((1, 2), 4, np.uint8))
    (tmp_path / "preprocessor_config.json").write_text('{"rescale_factor": 0.5}')
    data = load_data(tmp_path / "d.npy", ONE, preprocessing={"rescale_factor": 100})
    np.testing.assert_array_equal(data.inputs["a"], [[2, 2]])


@pytest.mark.parametrize("function", ["pair", "mapping"])
def test_function(function):
    data = load_data(f"{HERE}:{function}", ONE)
    assert len(data) == 3 and len(data.labels) == 3


def test_a_free_extent_takes_any_size():
    assert len(load_data(np.ones((2, 7), np.float32), {"a": ((None, None), FLOAT)})) == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (np.empty((0, 2), np.float32), "the given samples: array for input 'a' is empty"),
        (np.float32(1), "array for input 'a' is empty"),
        (np.array([[1, np.nan]]), "samples for input 'a' hold NaN or infinite values"),
        (np.array([[1, np.inf]]), "samples for input 'a' hold NaN or infinite values"),
        (np.array([[1, 1e300]]), "samples for input 'a' hold NaN or infinite values"),
        (np.ones((3, 5)), "samples for input 'a' have shape (3, 5); the network wants ('free', 2)"),
        (np.ones((3, 2, 1)), "have shape (3, 2, 1)"),
        (np.ones(3), "have shape (3,)"),
        (np.array([["a", "b"]]), "has type <U1, which is not a number"),
        (np.ones((3, 2), complex), "has type complex128, which is not a number"),
        ((x, object()), "object is neither"),
        (object(), "object is neither an array, a pair (x, y) nor a mapping of arrays"),
        ([[1, 2], [3]], "list is neither an array, a pair (x, y) nor a mapping of arrays"),
        ({"a": np.array([{}, {}])}, "'a': ndarray is neither an array"),
        ({"z": x}, "no array 'a' for the network's inputs ['a']; it has ['z']"),
        ((x, [0, 1]), "2 labels for 3 samples"),
        ({"x": x, "y": 3}, "labels"),
        ("nowhere", "nowhere: does not exist"),
        ("nowhere.npz", "nowhere.npz: cannot be read"),
        ("nowhere:function", "nowhere:function: cannot be imported"),
        (f"{HERE}:nothing", "cannot be imported"),
        (f"{HERE}:words", "which is not a number"),
        (f"{HERE}:failing", "the camera is off"),
        (f"{HERE}:x:y", "cannot be imported"),
        (":", "cannot be imported"),
    ],
)
def test_unusable_samples(spec, message):
    refused(spec, message)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"a": x}, "no array 'b' for the network's inputs ['a', 'b']; it has ['a']"),
        (x, "no array 'a'"),
        ({"a": x, "b": [1, 2]}, "inputs have different numbers of samples: {'a': 3, 'b': 2}"),
        ({"a": x, "b": [1.0, 2.0, 3.0]}, "samples for input 'b' are float64; the network wants int64"),
    ],
)
def test_unusable_samples_for_two_inputs(spec, message):
    refused(spec, message, TWO)


@pytest.mark.parametrize(("value", "dtype"), [(300, np.uint8), (-1, np.uint8), (2**40, np.int32)])
def test_integers_that_do_not_fit_the_input_do_not_wrap_around(value, dtype):
    refused(np.array([value]), "samples for input 'a'", {"a": ((None,), np.dtype(dtype))})


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickled_objects_are_refused(tmp_path, suffix):
    class Bomb:
        def __reduce__(self):
            return (tmp_path.joinpath("exploded").touch, ())

    path = tmp_path / f"d{suffix}"
    save = np.save if suffix == ".npy" else np.savez
    save(path, np.array([Bomb()], object))
    refused(path, "cannot be read")
    assert not (tmp_path / "exploded").exists()


def test_a_folder_named_as_data_but_of_another_kind(tmp_path):
    (tmp_path / "d.txt").write_text("1 2 3")
    refused(tmp_path / "d.txt", "is neither a folder, .npz, .npy nor module:function")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_files_that_are_something_else(tmp_path, suffix):
    path = tmp_path / f"d{suffix}"
    for content in (b"", b"something else", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x76\x00{"):
        path.write_bytes(content)
        refused(path, f"{path}: cannot be read")


def test_an_npy_that_claims_more_than_memory(tmp_path):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000,), }".ljust(117) + "\n"
    (tmp_path / "d.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
    refused(tmp_path / "d.npy", "cannot be read")


def test_an_archive_that_unpacks_to_more_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(numpy_file, "MAX_BYTES", 100_000)
    np.savez(tmp_path / "stored.npz", x=np.zeros((60, 1000), np.float32))  # as large as it says
    np.savez_compressed(tmp_path / "packed.npz", x=np.zeros((60, 1000), np.float32))
    spec = {"x": ((None, 1000), np.dtype(np.float32))}
    assert len(load_data(tmp_path / "stored.npz", spec)) == 60
    with pytest.raises(DataError, match=r"packed.npz: [\d,]+ bytes unpack to 240,128; the limit is 100,000"):
        load_data(tmp_path / "packed.npz", spec)


def test_an_npz_with_something_else_inside(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x", "just text")
    refused(tmp_path / "d.npz", "cannot be read")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_npz_is_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    path = folder / "d.npz"
    np.savez_compressed(path, x=x, y=np.array([0, 1, 1]))
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        load_data(path, ONE)
    except DataError as error:
        assert "\n" not in str(error)


def test_labels_at_the_ends_of_their_range():
    labels = check_labels(np.array([0, 9], np.uint8), 10, "data")
    assert labels.dtype == np.int64 and labels.tolist() == [0, 9]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 10]), "data: label 10 is outside 0 to 9"),
        (np.array([-1, 0]), "data: label -1 is outside 0 to 9"),
        (np.array([0.0, 1.0]), "type float64; class numbers are wanted"),
        (np.array(["cat"]), "class numbers are wanted"),
        (np.array([True, False]), "type bool; class numbers are wanted"),
        (np.eye(3, dtype=int), "shape (3, 3)"),
    ],
)
def test_labels_that_are_not_class_numbers(labels, message):
    with pytest.raises(DataError, match=re.escape(message)):
        check_labels(labels, 10, "data")


@given(st.integers(8, 300), st.integers(0, 9), st.lists(st.floats(0.01, 0.3), min_size=1, max_size=3))
def test_parts_of_a_split_are_disjoint_and_cover_all(count, seed, shares):
    data = load_data((np.arange(count, dtype=np.float32), np.arange(count)), {"a": ((None,), FLOAT)})
    parts = data.split([*shares, 0.0], seed=seed)
    together = np.concatenate([part.labels for part in parts])
    assert sorted(together) == list(range(count))
    for part, share in zip(parts, shares, strict=False):
        assert len(part) == round(share * count) or abs(len(part) - share * count) <= 1
        np.testing.assert_array_equal(part.inputs["a"], part.labels)


def test_the_split_depends_on_the_seed_alone():
    data = load_data(np.arange(100, dtype=np.float32), {"a": ((None,), FLOAT)})
    first, again, other = (data.split([0.5, 0.5], seed=seed)[0].inputs["a"].tolist() for seed in (1, 1, 2))
    assert first == again != other
