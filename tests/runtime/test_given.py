"""What callers give: numbers of any type become the network's, everything else is refused by an error of attar's."""

import numpy as np
import pytest
from common.networks import build, normal

import attar
from attar import container
from attar.errors import DataError, FormatError
from attar.graph import load
from attar.runtime.given import named, samples_of
from attar.runtime.integer import Affine, calibrate, lower

FLOAT = np.dtype(np.float32)


class Tensor:
    """As torch has them: no numpy array before gradients are off and it is in main memory."""

    def __init__(self, values, *, detached=False, near=False, dtype="torch.float32"):
        self.values, self.detached, self.near, self.dtype = values, detached, near, dtype

    def detach(self):
        return Tensor(self.values, detached=True, dtype=self.dtype)

    def cpu(self):
        return Tensor(self.values, detached=self.detached, near=True, dtype=self.dtype)

    def float(self):
        return Tensor(self.values, detached=self.detached, near=self.near)

    def __array__(self, dtype=None, copy=None):
        if not self.detached or not self.near or self.dtype == "torch.bfloat16":
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.\nUse tensor.detach().numpy() instead.")
        return np.asarray(self.values, dtype)


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2.5], [3, 4]],
        ([1, 2.5], [3, 4]),
        np.float64([[1, 2.5], [3, 4]]),
        np.float16([[1, 2.5], [3, 4]]),
        np.asfortranarray(np.float32([[1, 2.5], [3, 4]])),
        Tensor([[1, 2.5], [3, 4]]),
        Tensor([[1, 2.5], [3, 4]], dtype="torch.bfloat16"),
        [Tensor([1, 2.5]), Tensor([3, 4])],
    ],
)
def test_numbers_of_any_kind_are_taken(values):
    found = samples_of("x", values, FLOAT)
    assert found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(found, [[1, 2.5], [3, 4]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_integers_are_taken_as_floats_and_as_integers(dtype):
    values = np.array([[0, 1]], dtype)
    np.testing.assert_array_equal(samples_of("x", values, FLOAT), [[0, 1]])
    assert samples_of("x", values, np.dtype(np.int32)).dtype == np.int32


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((2, 3), "a"), "<U1 given; numbers are wanted"),
        ([[1], [1, 2]], "list is no array"),
        (None, "a single object given"),
        (np.float32(1), "a single float32 given"),
        (np.array([[1, None]]), "object given"),
        (np.array([[1j]]), "complex128 given"),
        (np.array(["2020-01-01"], "M8[D]"), "datetime64"),
        (np.ma.masked_array([[1.0, 2.0]], [[0, 1]]), "masked"),
        (np.array([[1e39]]), "float32 does not hold"),
    ],
)
def test_what_is_no_number_is_refused(values, reason):
    with pytest.raises(DataError, match=r"input 'x'") as caught:
        samples_of("x", values, FLOAT)
    assert reason in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "kind"), [([2**40], np.int32), ([-1], np.uint8), ([0.5], np.int64), ([np.nan], np.int64), ([2], bool)]
)
def test_integers_lose_nothing(values, kind):
    with pytest.raises(DataError, match="does not hold"):
        samples_of("x", values, np.dtype(kind))
    assert samples_of("x", np.uint64([2**63]), np.dtype(np.uint64))[0] == 2**63
    with pytest.raises(DataError, match="does not hold"):
        samples_of("x", np.uint64([2**63]), np.dtype(np.int64))


def test_several_inputs_need_names():
    assert named([1], ["x"]) == {"x": [1]}
    with pytest.raises(DataError, match=r"2 inputs \(a, b\)"):
        named([1], ["a", "b"])


def small_file() -> bytes:
    model = load(build("net (float[n, 6] x) => (float[n, 3] y) { y = MatMul (x, w) }", {"w": normal(6, 3)}))
    from attar.runtime.engine.build import with_program

    return with_program(
        container.to_bytes(model), lower(model, calibrate(model, {"x": normal(9, 6)}, Affine()), Affine())
    )[0]


@pytest.mark.parametrize("runtime", [attar.open, attar.Engine])
def test_engine_and_opened_file_take_the_same(runtime):
    x = np.round(4 * normal(2, 6))
    run = runtime(small_file())
    wanted = run(x)["y"]
    for given in (x.tolist(), x.astype(np.float64), x.astype(np.int8), Tensor(x), {"x": x}):
        np.testing.assert_array_equal(run(given)["y"], wanted)
    for given in (None, "a", [[1], [1, 2]], np.float32(1), {"z": x}, np.zeros((0, 6)), np.zeros((2, 5)), {}):
        with pytest.raises(DataError):
            run(given)


@pytest.mark.parametrize("options", [{"threads": -1}, {"threads": 65}, {"threads": 1.5}, {"threads": "2"}])
@pytest.mark.parametrize("runtime", [attar.open, attar.Engine])
def test_options_that_cannot_be_meant_are_refused(runtime, options):
    with pytest.raises(DataError, match="threads"):
        runtime(small_file(), **options)


def test_limits_and_kernels_that_cannot_be_meant_are_refused():
    with pytest.raises(DataError, match="max_memory_bytes -1: not within"):
        attar.Engine(small_file(), max_memory_bytes=-1)
    with pytest.raises(DataError, match="kernels 'fast': none of"):
        attar.Engine(small_file(), kernels="fast")


@pytest.mark.parametrize("runtime", [attar.open, attar.Engine])
def test_what_is_no_file_is_refused(runtime):
    with pytest.raises(FormatError, match="neither a path nor a file's bytes"):
        runtime(None)


def test_a_name_that_is_no_input_is_refused():
    opened = attar.open(container.to_bytes(load(build("net (float[n, 2] x) => (float[n, 2] y) { y = Relu (x) }"))))
    given = {"x": [[1.0, -1.0]]}
    np.testing.assert_array_equal(opened(given)["y"], [[1, 0]])
    with pytest.raises(DataError, match="input 'mask' is none of the network's: x"):
        opened({**given, "mask": [[1.0, 1.0]]})
