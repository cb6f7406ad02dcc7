"""Samples and labels from whatever the user has, checked against the network."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .._content import ByContent
from ..errors import AttarWarning, DataError
from .fit import InputSpec, by_input, fitted, unused
from .images import CONFIG_NAME
from .images.options import template
from .images.processors import left_out
from .labels import numbered
from .sources import Reading, read
from .sources.choice import chosen
from .sources.drawn import Drawn
from .sources.folder import IMAGE_SUFFIXES


@dataclass(frozen=True, eq=False)
class Dataset(ByContent):
    """Samples for every input of a network, first axis first, with labels where they are known.

    Attributes:
        inputs: name -> (samples, ...). labels: (samples,) or None. source: what the user called it.
        preprocessing: the config that produced the numbers, where one was used.
        class_names: names of the classes, where subfolders or a table gave them.
        notes: what was left out or guessed on the way, one line each.
    """

    inputs: dict[str, np.ndarray]
    labels: np.ndarray | None
    source: str
    preprocessing: dict[str, Any] | None = None
    class_names: list[str] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, picks: np.ndarray) -> "Dataset":
        """Return the samples at `picks`, in that order."""
        labels = None if self.labels is None else self.labels[picks]
        return replace(self, inputs={name: values[picks] for name, values in self.inputs.items()}, labels=labels)

    def split(self, shares: Sequence[float], *, seed: int) -> list["Dataset"]:
        """Return disjoint random parts, the first len(shares) - 1 of the given shares, the last with all the rest."""
        order = np.random.default_rng(seed).permutation(len(self))
        ends = np.cumsum([round(share * len(self)) for share in shares[:-1]])
        return [self.take(np.sort(picks)) for picks in np.split(order, ends)]


def load_data(
    spec: Any,
    inputs: InputSpec,
    *,
    preprocessing: Mapping[str, Any] | None = None,
    asked: Mapping[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
    samples: int | None = None,
    seed: int = 0,
    labels: bool = True,
) -> Dataset:
    """Read samples for a network with `inputs`; what is left out or guessed is warned of.

    Args:
        spec: a folder of images, a .npz (arrays named as the inputs, or `x`; labels `y`), a .npy, "module:function", or
            a Python value: an array, (x, y), ((a, b), y), a mapping, or anything that hands out samples or batches of
            them, such as a torch DataLoader.
        preprocessing: used where neither a folder nor the file's folder brings its own. asked: used before all others.
        class_names: the network's classes in order; classes with these names get these numbers.
        samples: how many to take; of what has an order a choice by `seed`, of a generator the first ones.
        labels: whether subfolders and tables are looked at.

    Raises:
        DataError: missing, unreadable, empty, or of another shape or type than the network wants.
    """
    if isinstance(spec, Dataset):
        return spec if samples is None else spec.take(chosen(len(spec), samples, seed))
    source = str(spec) if isinstance(spec, (str, Path)) else "the given samples"
    reading = Reading(inputs, preprocessing, asked, labels, samples, seed)
    found = read(spec, source, reading)
    config = found.preprocessing
    notes = [*found.notes, *unused(found.arrays, inputs, source)]
    numbers, names = found.labels, found.class_names
    if numbers is not None:
        numbers, names, guessed = numbered(numbers, names, class_names, source)
        notes += guessed
    named = by_input(found.arrays, inputs, source)
    ready = {name: fitted(named[name], name, inputs[name], config, source) for name in inputs}
    return _said(_checked(Dataset(ready, numbers, source, dict(config) if config else None, names, tuple(notes))))


def load_inputs(
    spec: str,
    inputs: InputSpec,
    *,
    preprocessing: Mapping[str, Any] | None = None,
    asked: Mapping[str, Any] | None = None,
) -> Dataset:
    """Read samples as `load_data`, or a single image file; labels are not looked for.

    Raises:
        DataError: as `load_data`; or an image without a preprocessing that says how it becomes numbers.
    """
    path = Path(spec)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        return load_data(spec, inputs, preprocessing=preprocessing, asked=asked, labels=False)
    config = Reading(inputs, preprocessing, asked).config(path.parent)
    wanted = next(iter(inputs.values()))
    if config is None:
        ways = template(wanted[0], str(path.parent))
        raise DataError(f"{path}: neither the network nor a {CONFIG_NAME} says how an image becomes numbers; {ways}")
    data = load_data(Drawn.of(config, wanted, str(path)).numbers(path)[None], inputs)
    return _said(replace(data, notes=tuple(f"{path}: {step}" for step in left_out(config))))


def _checked(data: Dataset) -> Dataset:
    counts = {name: len(values) for name, values in data.inputs.items()}
    if len(set(counts.values())) > 1:
        raise DataError(f"{data.source}: inputs have different numbers of samples: {counts}")
    if data.labels is not None and data.labels.ndim == 0:
        raise DataError(f"{data.source}: labels are a single value, not one for each of {len(data)} samples")
    if data.labels is not None and len(data.labels) != len(data):
        raise DataError(f"{data.source}: {len(data.labels)} labels for {len(data)} samples")
    return data


def _said(data: Dataset) -> Dataset:
    for note in data.notes:
        warnings.warn(note, AttarWarning, stacklevel=3)
    return data
