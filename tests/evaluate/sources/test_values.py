"""Samples as Python hands them out: loaders, data sets, generators, tensors of other frameworks, pictures."""

import itertools
import re

import numpy as np
import pytest
from PIL import Image

from attar.errors import AttarWarning, DataError
from attar.evaluate import load_data
from attar.evaluate.sources import values

FLOAT = np.dtype(np.float32)
ONE = {"a": ((None, 2), FLOAT)}
TWO = {"a": ((None, 2), FLOAT), "b": ((None,), np.dtype(np.int64))}
X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([3, 1, 4, 1, 5, 9])
B = np.array([2, 7, 1, 8, 2, 8])


class Tensor:
    """What torch's tensors show: with gradients they refuse numpy, and some types numpy doesn't have."""

    def __init__(self, array, *, grads=True, half=False):
        self.array, self.grads, self.half = array, grads, half

    def __array__(self, *_, **__):
        return self.numpy()

    def numpy(self):
        if self.grads or self.half:
            raise RuntimeError("use tensor.detach()") if self.grads else TypeError("unsupported ScalarType BFloat16")
        return self.array

    def detach(self):
        return Tensor(self.array, grads=False, half=self.half)

    def cpu(self):
        return self

    def float(self):
        return Tensor(self.array, grads=False)


class Loader:
    """Hands out batches of four, the last one smaller, as a torch DataLoader does."""

    def __init__(self, *columns):
        self.columns = columns
        self.asked = 0

    def __len__(self):
        return 2

    def __iter__(self):
        for at in (slice(0, 4), slice(4, None)):
            self.asked += 1
            yield [column[at] for column in self.columns] if len(self.columns) > 1 else self.columns[0][at]


class Indexed:
    """Samples by number without an iterator, as a torch Dataset has them."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        self.asked.append(i)
        return Tensor(X[i]), int(Y[i])


def holds(data, *, a=X, y=Y, b=None):
    np.testing.assert_array_equal(data.inputs["a"], a)
    assert (data.labels is None) if y is None else (data.labels.tolist() == y.tolist())
    if b is not None:
        np.testing.assert_array_equal(data.inputs["b"], b)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Loader(X, Y),
        lambda: Loader(Tensor(X).detach().numpy(), Y),
        Indexed,
        lambda: ((x, y) for x, y in zip(X, Y, strict=True)),
        lambda: [(x, y) for x, y in zip(X, Y, strict=True)],
        lambda: iter([{"x": X[:2], "labels": Y[:2]}, {"x": X[2:], "labels": Y[2:]}]),
        lambda: [{"a": x, "label": y} for x, y in zip(X, Y, strict=True)],
        lambda: (Tensor(X), Y.tolist()),
        lambda: (Tensor(X, half=True), Tensor(Y)),
        lambda: {"a": X, "targets": Y[:, None]},
        lambda: ((X,), Y),
        lambda: ({"a": X}, Y),
    ],
)
def test_samples_with_labels(make):
    holds(load_data(make(), ONE))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Loader(X),
        lambda: list(X),
        lambda: [X[:1], X[1:]],
        lambda: map(Tensor, X),
        lambda: (X, None),
        lambda: (X,),
    ],
)
def test_samples_without_labels(make):
    holds(load_data(make(), ONE), y=None)


@pytest.mark.parametrize(
    ("make", "y"),
    [
        (lambda: ((X, B), Y), Y),
        (lambda: ([X, B], Y), Y),
        (lambda: (X, B, Y), Y),
        (lambda: (X, B), None),
        (lambda: [X, B], None),
        (lambda: Loader(X, B, Y), Y),
        (lambda: (((x, b), y) for x, b, y in zip(X, B, Y, strict=True)), Y),
        (lambda: [{"b": b, "a": x} for x, b in zip(X, B, strict=True)], None),
    ],
)
def test_two_inputs(make, y):
    holds(load_data(make(), TWO), y=y, b=B)


def test_the_first_samples_of_what_has_no_end():
    def forever():
        i = 0
        while True:
            yield np.full(2, i, np.float32), i
            i += 1

    holds(load_data(forever(), ONE, samples=3), a=[[0, 0], [1, 1], [2, 2]], y=np.arange(3))


def test_a_loader_is_not_asked_for_more_than_is_wanted():
    loader = Loader(X, Y)
    holds(load_data(loader, ONE, samples=3), a=X[:3], y=Y[:3])
    assert loader.asked == 1


def test_a_choice_of_what_has_numbers():
    data = Indexed()
    chosen = load_data(data, ONE, samples=3, seed=4)
    assert len(data.asked) == 3 and data.asked == sorted(set(data.asked)) and data.asked != [0, 1, 2]
    holds(chosen, a=X[data.asked], y=Y[data.asked])
    holds(load_data((X, Y), ONE, samples=3, seed=4), a=X[data.asked], y=Y[data.asked])


def test_a_choice_from_files(tmp_path):
    np.save(tmp_path / "d.npy", X)
    np.savez(tmp_path / "d.npz", a=X, y=Y)
    for seed in range(4):
        of_pairs = load_data(tmp_path / "d.npz", ONE, samples=2, seed=seed)
        np.testing.assert_array_equal(
            load_data(tmp_path / "d.npy", ONE, samples=2, seed=seed).inputs["a"], of_pairs.inputs["a"]
        )
        assert all(y in Y[(x == X).all(axis=1)] for x, y in zip(of_pairs.inputs["a"], of_pairs.labels, strict=True))


def test_what_has_no_end_is_stopped(monkeypatch):
    monkeypatch.setattr(values, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="take more than 1,000 bytes; say how many to take"):
        load_data((X for _ in itertools.count()), ONE)


def test_open_pictures():
    pictures = [Image.new("RGB", (4, 4), (10 * i, 0, 0)) for i in range(3)]
    inputs = {"image": ((None, 2, 2, 3), FLOAT)}
    pairs = [(picture, i) for i, picture in enumerate(pictures)]
    data = load_data(pairs, inputs, preprocessing={"size": {"height": 2, "width": 2}, "do_rescale": False})
    np.testing.assert_array_equal(data.inputs["image"][:, 1, 1], [[0, 0, 0], [10, 0, 0], [20, 0, 0]])
    assert data.labels.tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="holds pictures, but no preprocessing"):
        load_data(pictures, inputs)


def test_open_pictures_are_turned_too():
    exif, picture = Image.Exif(), Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    exif[0x0112] = 3
    picture.info["exif"] = exif.tobytes()
    data = load_data([picture], {"i": ((None, 2, 3), FLOAT)}, preprocessing={"do_rescale": False})
    np.testing.assert_array_equal(data.inputs["i"], [[[5, 4, 3], [2, 1, 0]]])


def test_pixels_with_channels_last_become_numbers_by_the_config():
    pixels = np.arange(2 * 3 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 3)
    config = {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 4]}
    want = (pixels / 255 - [0.1, 0.2, 0.3]) / [1, 2, 4]
    got = load_data(pixels[:, :2], {"i": ((None, 2, 3, 3), FLOAT)}, preprocessing=config).inputs["i"]
    np.testing.assert_allclose(got, want[:, :2], atol=1e-6)


def test_pixels_of_another_size_than_the_config_makes_are_refused():
    config = {"size": {"shortest_edge": 8}, "do_center_crop": True, "crop_size": 6}
    free = {"i": ((None, 3, None, None), FLOAT)}
    assert load_data(np.zeros((1, 3, 6, 6), np.uint8), free, preprocessing=config)
    with pytest.raises(DataError, match="pixels of 6 x 9, but the preprocessing makes 6 x 6 of pictures"):
        load_data(np.zeros((1, 3, 6, 9), np.uint8), free, preprocessing=config)


@pytest.mark.parametrize("name", ["y", "labels", "label", "targets", "target", "Labels", "Y"])
def test_names_that_say_labels(tmp_path, name):
    np.savez(tmp_path / "d.npz", a=X, **{name: Y})
    holds(load_data(tmp_path / "d.npz", ONE))
    assert load_data({name: X}, {name: ((None, 2), FLOAT)}).labels is None


def test_arrays_that_nobody_asked_for_are_named(tmp_path):
    np.savez(tmp_path / "d.npz", a=X, y_test=Y, fold=Y)
    with pytest.warns(
        AttarWarning, match=r"d.npz: 'fold', 'y_test' not used: the network's inputs are \['a'\], labels"
    ):
        assert load_data(tmp_path / "d.npz", ONE).labels is None


def failing():
    yield X[0]
    raise OSError("the disk is gone")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": X, "y": Y, "labels": Y}, "'y' and 'labels' could both be the labels"),
        ((X, Y, Y), "a tuple of 3 for 1 inputs; 1 and labels are known"),
        ([X[0], X[0, :1]], "samples 'x' of different shapes"),
        ([(X[0], 1), X[1]], "item 1 has ['x'], the first one has ['x', 'y']"),
        (
            [X[0, 0], X[0, 1]],
            "an item of shape () for input 'a'; the network wants samples of rank 1 or batches of rank 2",
        ),
        (failing(), "failed with OSError: the disk is gone"),
        (iter([]), "list_iterator hands out no sample"),
        ([("a", 1)], "an item of shape ()"),
        ((X, Y.astype("m8[s]")), "labels are of type timedelta64[s], neither numbers nor names of classes"),
        ((X, Y.astype("M8[D]")), "labels are of type datetime64[D]"),
        ((X, Y.astype(object)), "'y': ndarray is neither an array"),
        ((X, Y + 1j), "labels are of type complex128"),
    ],
)
def test_what_is_refused(value, message):
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        load_data(value, ONE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("samples", [0, -3])
def test_no_samples_are_no_choice(samples):
    with pytest.raises(DataError, match=f"samples is {samples}"):
        load_data(X, ONE, samples=samples)
