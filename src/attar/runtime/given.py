"""What callers give as inputs, as arrays: lists, arrays of any type of numbers, tensors of torch and its like."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DataError, first_line


def named(inputs: Any, names: list[str]) -> Mapping[str, Any]:
    """Return a mapping of inputs as it is, anything else under the name of the only input.

    Raises:
        DataError: the network has several inputs, or a mapping lacks one.
    """
    if isinstance(inputs, Mapping):
        missing = [name for name in names if name not in inputs]
        if missing:
            given = ", ".join(map(str, inputs))
            raise DataError(f"the network needs input '{missing[0]}', which was not given: {given} were")
        return inputs
    if len(names) != 1:
        raise DataError(f"the network has {len(names)} inputs ({', '.join(names)}); give a mapping of them")
    return {names[0]: inputs}


def check_known(inputs: Mapping[str, Any], names: list[str]) -> None:
    """Raises DataError where a mapping names an input that is none of all that the network has."""
    strange = [str(name) for name in inputs if name not in names]
    if strange:
        raise DataError(f"input '{strange[0]}' is none of the network's: {', '.join(names)}")


def samples_of(name: str, values: Any, kind: np.dtype) -> np.ndarray:
    """Return an input (samples, ...) as an array of the type that the network reads; numbers stay what they are.

    Raises:
        DataError: it is no array of numbers, a single number, or holds a number that the type does not.
    """
    array = _array(name, values)
    if array.ndim == 0:
        raise DataError(f"input '{name}': a single {array.dtype} given; its first axis has to be that of the samples")
    if kind.kind == "O":  # strings, which only a graph in floats knows
        return array.astype(object, copy=False)
    if array.dtype.kind not in "biuf" and not np.can_cast(array.dtype, np.float32):
        raise DataError(f"input '{name}': {array.dtype} given; numbers are wanted")
    return np.ascontiguousarray(_converted(name, array, kind))


def _array(name: str, values: Any) -> np.ndarray:
    try:
        array = np.asarray(_plain(values))
    except Exception as error:  # lists of different lengths, and whatever another library's tensors raise
        raise DataError(f"input '{name}': {type(values).__name__} is no array: {first_line(error)}") from error
    if np.ma.is_masked(values):
        raise DataError(f"input '{name}': a masked array; fill in what is missing")
    return array


def _plain(values: Any) -> Any:
    """Return a tensor of torch and its like as numpy takes it: without gradients, in main memory, of a known type."""
    if isinstance(values, list | tuple):
        return [_plain(each) for each in values] if any(hasattr(each, "detach") for each in values) else values
    for turn in ("detach", "cpu"):
        values = getattr(values, turn)() if hasattr(values, turn) else values
    return values.float() if str(getattr(values, "dtype", "")) == "torch.bfloat16" else values


def _converted(name: str, array: np.ndarray, kind: np.dtype) -> np.ndarray:
    if array.dtype == kind:
        return array
    with np.errstate(over="ignore", invalid="ignore"):
        found = array.astype(kind)
    if kind.kind in "biu":  # nothing may be lost
        is_held = np.array_equal(found.astype(array.dtype), array) and np.array_equal(found < 0, array < 0)
    else:
        is_held = array.dtype.kind in "biu" or np.array_equal(np.isinf(found), np.isinf(array))
    if not is_held:
        raise DataError(f"input '{name}': {array.dtype} given, with numbers that {kind} does not hold")
    return found
