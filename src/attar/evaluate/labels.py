"""Labels as class numbers: from names, from subfolders, and held against the classes that a network has."""

import re
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..errors import DataError

_LOW, _HIGH = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_DIGITS = 30  # of a number as text; more can't be a label
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?(e[+-]?\d{1,2})?", re.IGNORECASE)
_NAMED = 3  # of many classes


def check_labels(labels: np.ndarray, classes: int, source: str) -> np.ndarray:
    """Return class labels as int64 (samples,).

    Raises:
        DataError: not whole numbers, or outside of 0 .. classes - 1.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{source}: labels have shape {labels.shape} and type {labels.dtype}; class numbers are wanted")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise DataError(f"{source}: label {low if low < 0 else high} is outside 0 to {classes - 1}")
    return labels.astype(np.int64)


def check_class_names(names: Sequence[str] | None, classes: int, source: str) -> None:
    """Refuse classes numbered in the order of their names, of which there are not as many as the network has.

    Raises:
        DataError: so it is.
    """
    if names is not None and len(names) != classes:
        words = "1 subfolder or class name" if len(names) == 1 else f"{len(names)} subfolders or class names"
        shown = ", ".join(f"'{name}'" for name in names[:_NAMED])
        raise DataError(f"{source}: {words} ({shown}{', ...' * (len(names) > _NAMED)}) for {classes} classes")


def numbered(
    labels: np.ndarray, found: list[str] | None, known: Sequence[str] | None, source: str
) -> tuple[np.ndarray, list[str] | None, list[str]]:
    """Return labels as numbers where they are names, the names of the classes, and notes on what was guessed.

    Args:
        labels: (samples,) of any type. found: the names that they number, where subfolders gave them.
        known: the network's classes in order.

    Raises:
        DataError: a name that is none of the network's classes, or a type that no label has.
    """
    if labels.dtype.kind == "U" and labels.ndim == 1:
        labels, found = _from_texts(labels, source)
    if labels.dtype.kind not in "iufb":
        raise DataError(f"{source}: labels are of type {labels.dtype}, neither numbers nor names of classes")
    if labels.ndim == 2 and labels.shape[1] == 1:  # a column
        labels = labels[:, 0]
    if not found or not known:
        _check_order(found or [], source)
        return labels, found, []
    labels, notes = _renumbered(labels, found, list(known), source)
    return labels, list(known), notes


def _check_order(names: Sequence[str], source: str) -> None:
    """Numbers as names: 10 comes before 2 in the alphabet, and nobody can tell which order the network learned."""
    if all(name.isdecimal() for name in names) and list(names) != sorted(names, key=int):
        shown = ", ".join(f"'{name}'" for name in names[:_NAMED])
        raise DataError(
            f"{source}: subfolders {shown} have another order as numbers than as names; write labels into a "
            "labels.csv, or names of equal length"
        )


def _from_texts(texts: np.ndarray, source: str) -> tuple[np.ndarray, list[str] | None]:
    """Numbers written as text are those numbers, "3.0" is 3; names count in alphabetical order."""
    listed = texts.tolist()
    are_numbers = [_NUMBER.fullmatch(text) is not None for text in listed]
    if all(are_numbers):
        return _numbers(listed, source), None
    if any(are_numbers):
        number, name = (listed[are_numbers.index(kind)] for kind in (True, False))
        raise DataError(f"{source}: labels are numbers and names: '{number}' and '{name:.60}'")
    names, numbers = np.unique(texts, return_inverse=True)
    return numbers.astype(np.int64), names.tolist()


def _numbers(texts: list[str], source: str) -> np.ndarray:
    """Return int64 where all numbers are whole, else float64."""
    exact = [Fraction(text) if len(text) <= _DIGITS else None for text in texts]
    beyond = next((text for text, n in zip(texts, exact, strict=True) if n is None or not _LOW <= n <= _HIGH), None)
    if beyond is not None:
        raise DataError(f"{source}: label {beyond:.40} is beyond 64 bits")
    if all(number.denominator == 1 for number in exact):
        return np.array([int(number) for number in exact], np.int64)
    return np.array([float(number) for number in exact])


def _renumbered(labels: np.ndarray, found: list[str], known: list[str], source: str) -> tuple[np.ndarray, list[str]]:
    """Give classes the numbers that the network has for them: by name, or in order where none has a class's name."""
    strangers = [name for name in found if name not in known]
    if not strangers:
        return np.array([known.index(name) for name in found], np.int64)[labels], []
    if len(strangers) < len(found):
        raise DataError(f"{source}: '{strangers[0]}' is none of the network's {len(known)} classes")
    check_class_names(found, len(known), source)
    pairs = ", ".join(f"'{name}' as '{own}'" for name, own in list(zip(found, known, strict=True))[:_NAMED])
    return labels, [f"{source}: classes are taken in alphabetical order, since none has the network's name: {pairs}"]
