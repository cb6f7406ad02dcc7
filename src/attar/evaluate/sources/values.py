"""Python values as samples: arrays, (x, y), ((a, b), y), mappings, and everything that hands out samples or batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from ...errors import DataError, first_line
from ..fit import InputSpec
from .arrays import as_array
from .choice import chosen, some
from .found import LABEL_NAMES

MAX_BYTES = 1 << 33  # of samples that are gone through: a generator may have no end
Picture = Callable[[Image.Image, str], np.ndarray]  # (picture, input's name) -> numbers


def arrays_of(
    value: Any, inputs: InputSpec, source: str, *, picture: Picture, most: int | None = None, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return the arrays that a value holds, by name; labels under `y`.

    Args:
        picture: turns a Pillow image into what an input wants. most: samples to take; of what can be indexed a seeded
            choice, else the first ones.

    Raises:
        DataError: it holds something else, samples of different shapes, or more than MAX_BYTES.
    """
    if _is_whole(value, inputs):
        found = {name: as_array(part, f"{source}: '{name}'") for name, part in _named(value, inputs, source).items()}
        return some(found, most, seed)
    return _gathered(value, inputs, source, picture, most, seed)


def _is_whole(value: Any, inputs: InputSpec) -> bool:
    """Tell arrays that are there from things that hand out samples one after the other."""
    if isinstance(value, (Mapping, tuple)) or hasattr(value, "__array__"):
        return True
    if isinstance(value, list) and value:
        return _is_positional(value, inputs) or not _hands_out(value[0])
    return not (hasattr(value, "__iter__") or (hasattr(value, "__getitem__") and hasattr(value, "__len__")))


def _hands_out(first: Any) -> bool:
    return hasattr(first, "__array__") or isinstance(first, (tuple, Mapping, Image.Image))


def _is_positional(parts: Sequence[Any], inputs: InputSpec) -> bool:
    """Tell a list with all samples of every input, in the order of the network's inputs."""
    shapes = [shape for shape, _ in inputs.values()]
    return len(parts) == len(shapes) > 1 and all(
        hasattr(part, "shape") and len(part.shape) == len(shape) for part, shape in zip(parts, shapes, strict=True)
    )


def _named(value: Any, inputs: InputSpec, source: str) -> dict[str, Any]:
    """Return the parts of one value by name: as inputs or `x`, labels as `y`."""
    if isinstance(value, Mapping):
        named = {str(name): part for name, part in value.items()}
    elif isinstance(value, tuple) or (isinstance(value, list) and _is_positional(value, inputs)):
        named = _of_tuple(value, inputs, source)
    else:
        named = {"x": value}
    return {name: part for name, part in named.items() if part is not None}


def _of_tuple(parts: Sequence[Any], inputs: InputSpec, source: str) -> dict[str, Any]:
    names = list(inputs)
    if len(parts) == 2 and isinstance(parts[0], Mapping):
        return {**{str(name): part for name, part in parts[0].items()}, "y": parts[1]}
    if len(parts) == 2 and isinstance(parts[0], (tuple, list)) and _are_inputs(parts[0], names):
        return {**dict(zip(names, parts[0], strict=True)), "y": parts[1]}
    if len(parts) == len(names) + 1:
        return {**(dict(zip(names, parts[:-1], strict=True)) if len(names) > 1 else {"x": parts[0]}), "y": parts[-1]}
    if len(parts) == len(names):
        return dict(zip(names, parts, strict=True)) if len(names) > 1 else {"x": parts[0]}
    raise DataError(f"{source}: a tuple of {len(parts)} for {len(names)} inputs; {len(names)} and labels are known")


def _are_inputs(parts: Sequence[Any], names: Sequence[str]) -> bool:
    return len(parts) == len(names) and (len(names) > 1 or isinstance(parts, tuple))


def _gathered(
    value: Any, inputs: InputSpec, source: str, picture: Picture, most: int | None, seed: int
) -> dict[str, np.ndarray]:
    """Go through samples or batches and put them behind each other."""
    columns: dict[str, list[np.ndarray]] = {}
    count = held = 0
    for number, item in enumerate(_items(value, source, most, seed)):
        if isinstance(item, list) and any(map(_hands_out, item)):  # how torch's loaders hand out a pair
            item = tuple(item)
        batch = _as_batch(_numbers(_named(item, inputs, source), inputs, source, picture), inputs, source)
        if columns and set(batch) != set(columns):
            raise DataError(f"{source}: item {number} has {sorted(batch)}, the first one has {sorted(columns)}")
        for name, array in batch.items():
            columns.setdefault(name, []).append(array)
            held += array.nbytes
        count += max((len(array) for array in batch.values()), default=0)
        if held > MAX_BYTES:
            raise DataError(f"{source}: its samples take more than {MAX_BYTES:,} bytes; say how many to take (samples)")
        if most is not None and count >= most:
            break
    joined = {name: _joined(parts, name, source) for name, parts in columns.items()}
    if not joined:
        raise DataError(f"{source}: {type(value).__name__} hands out no sample")
    return {name: array[:most] for name, array in joined.items()}


def _items(value: Any, source: str, most: int | None, seed: int) -> Iterator[Any]:
    """Yield what `value` hands out; with `most`, of what has an index, a seeded choice."""
    has_index = hasattr(value, "__getitem__") and hasattr(value, "__len__")
    try:
        if has_index and (most is not None or not hasattr(value, "__iter__")):
            count = len(value)
            yield from (value[int(i)] for i in (range(count) if most is None else chosen(count, most, seed)))
        else:
            yield from value
    except DataError:
        raise
    except Exception as error:  # whatever somebody else's code raises
        raise DataError(f"{source}: failed with {type(error).__name__}: {first_line(error)}") from error


def _numbers(item: Mapping[str, Any], inputs: InputSpec, source: str, picture: Picture) -> dict[str, np.ndarray]:
    return {
        name: picture(part, name) if isinstance(part, Image.Image) else as_array(part, f"{source}: '{name}'")
        for name, part in item.items()
    }


def _as_batch(item: dict[str, np.ndarray], inputs: InputSpec, source: str) -> dict[str, np.ndarray]:
    """Return one item as a batch; a single sample, told by the rank of its input, becomes a batch of one."""
    for name, array in item.items():
        key = next(iter(inputs)) if name == "x" and len(inputs) == 1 else name
        rank = len(inputs[key][0]) if key in inputs else 0
        if rank and array.ndim == rank - 1:
            return {name: part[None] for name, part in item.items()}
        if rank and array.ndim != rank:
            raise DataError(
                f"{source}: an item of shape {array.shape} for input '{key}'; the network wants samples of rank "
                f"{rank - 1} or batches of rank {rank}"
            )
    return {name: np.atleast_1d(part) for name, part in item.items()}


def _joined(parts: Iterable[np.ndarray], name: str, source: str) -> np.ndarray:
    try:
        return np.concatenate(list(parts))
    except ValueError as error:
        label = "labels" if name in LABEL_NAMES else f"samples '{name}'"
        raise DataError(f"{source}: {label} of different shapes: {first_line(error)}") from error
