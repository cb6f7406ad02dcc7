"""Arrays brought to the inputs of a network: by name, in its type and shape; or the reason why they don't fit."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DataError
from .images import Preprocessing
from .images.layout import Layout

Wanted = tuple[tuple[int | None, ...], np.dtype]  # shape (None: free; empty: not known), type
InputSpec = Mapping[str, Wanted]
ANYTHING: Wanted = ((), np.dtype(np.float32))


def by_input(arrays: Mapping[str, np.ndarray], inputs: InputSpec, source: str) -> dict[str, np.ndarray]:
    """Return the array of every input: by its name, or `x` for the only one.

    Raises:
        DataError: one is missing.
    """
    if set(inputs) <= set(arrays):
        return {name: arrays[name] for name in inputs}
    if len(inputs) == 1 and "x" in arrays:
        return {next(iter(inputs)): arrays["x"]}
    missing = sorted(set(inputs) - set(arrays))
    raise DataError(
        f"{source}: no array '{missing[0]}' for the network's inputs {sorted(inputs)}; it has {sorted(arrays)}"
    )


def unused(arrays: Mapping[str, np.ndarray], inputs: InputSpec, source: str) -> list[str]:
    """Return a note on arrays that no input takes."""
    taken = set(inputs) if set(inputs) <= set(arrays) else {"x"}
    names = sorted(set(arrays) - taken)
    if not names:
        return []
    listed = ", ".join(f"'{name}'" for name in names)
    return [f"{source}: {listed} not used: the network's inputs are {sorted(inputs)}, labels are called y"]


def fitted(values: np.ndarray, name: str, wanted: Wanted, config: Mapping[str, Any] | None, source: str) -> np.ndarray:
    """Bring one array to the type of its input and check its shape; whole numbers become floats by the preprocessing.

    Raises:
        DataError: another shape, not numbers, or numbers that the type can't hold.
    """
    shape, dtype = wanted
    if values.ndim == 0 or len(values) == 0:
        raise DataError(f"{source}: array for input '{name}' is empty")
    if values.dtype.kind not in "fiub":
        raise DataError(f"{source}: array for input '{name}' has type {values.dtype}, which is not a number")
    if shape and not _matches(values.shape[1:], shape[1:]):
        free = tuple("free" if extent is None else extent for extent in shape)
        raise DataError(f"{source}: samples for input '{name}' have shape {values.shape}; the network wants {free}")
    if values.dtype.kind in "iu" and dtype.kind == "f" and config is not None:
        values = _as_pixels(values, shape, config, source)
    if values.dtype.kind == "f" and dtype.kind in "iu":
        raise DataError(f"{source}: samples for input '{name}' are {values.dtype}; the network wants {dtype}")
    return _as_type(values, dtype, name, source)


def _as_pixels(values: np.ndarray, shape: tuple[int | None, ...], config: Mapping[str, Any], source: str) -> np.ndarray:
    """Rescale and normalize pixels; channels lie where the network has them."""
    steps = Preprocessing.from_json(config)
    axis = Layout.of(shape).axis if len(shape) == 4 else 1
    if values.ndim == 4:
        _check_size(steps, values.shape[2:] if axis == 1 else values.shape[1:3], source)
    found = steps.numbers(values, axis=axis)
    return np.flip(found, axis) if steps.bgr else found


def _check_size(steps: Preprocessing, size: tuple[int, int], source: str) -> None:
    """Arrays are taken to be resized and cropped already; then they have the size that this gives."""
    wanted = steps.size(*size)
    if wanted != size:
        raise DataError(
            f"{source}: pixels of {size[0]} x {size[1]}, but the preprocessing makes {wanted[0]} x {wanted[1]} of "
            "pictures; arrays are not resized here"
        )


def _as_type(values: np.ndarray, dtype: np.dtype, name: str, source: str) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        ready = np.ascontiguousarray(values, dtype)
    if values.dtype.kind == "f" and not np.isfinite(ready).all():
        raise DataError(f"{source}: samples for input '{name}' hold NaN or infinite values, as {dtype}")
    if values.dtype.kind in "iu" and dtype.kind in "iu" and not np.array_equal(ready, values):
        raise DataError(
            f"{source}: samples for input '{name}' reach from {values.min()} to {values.max()}, beyond {dtype}"
        )
    return ready


def _matches(given: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(given) == len(wanted) and all(w is None or g == w for g, w in zip(given, wanted, strict=True))
