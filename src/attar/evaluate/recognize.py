"""Find out what a network is for, by what is said of it, how it ends, its class names and its labels; never by guess.

Numbers without any of these are numbers: a regression, whose outputs are to stay near the original's.
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from ..errors import DataError
from ..graph.operators import is_default_domain
from .task import KINDS, Task, is_row, is_single, refuse_classes, row_classes

VIEWS = frozenset(  # that leave numbers what they are
    (
        *("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"),
        *("Cast", "Dropout", "Log", "Clip", "QuantizeLinear", "DequantizeLinear"),
    )
)
HEADS = ("Softmax", "LogSoftmax", "Sigmoid")
TASK_OF_METRIC = {"top-1": "classify", "top-5": "classify", "r2": "regress", "pixel-accuracy": "segment"}
ABOUT = 0.05  # what 8 bits leave of a sum of shares
Outputs = Sequence[np.ndarray]


def task_of(
    model: ir.Model | None,
    outputs: Outputs,
    labels: np.ndarray | None = None,
    *,
    said: str | None = None,
    metric: str | None = None,
    class_names: Sequence[str] | None = None,
) -> Task:
    """Return what a network is taken for.

    Args:
        model: None where there is no graph; then numbers that are shares tell of a Softmax.
        outputs: of some samples, in the graph's order. labels: of samples, None without.
        said: by the user, one of KINDS. metric: the name of one that was asked for. class_names: the network's own.

    Raises:
        DataError: outputs that can't be what is said.
    """
    if model is None:
        heads, told = ["Softmax" if is_row(values) and _are_shares(values) else None for values in outputs], None
    else:
        heads, told = [head_of(value) for value in model.graph.outputs], model.metadata_props.get("task")
    if said is not None:
        return _as_said(said, "it is said to be one", outputs, heads)
    if metric in TASK_OF_METRIC:
        return _as_said(TASK_OF_METRIC[metric], f"its metric is {metric}", outputs, heads)
    if told in KINDS and _may_be(told, outputs):  # as Ultralytics writes it
        return _as_said(told, "its metadata says so", outputs, heads)
    return _by_evidence(outputs, heads, labels, class_names)


def head_of(value: ir.Value) -> str | None:
    """Return the operator of HEADS that an output ends in, None of any other; views behind it don't count."""
    node = value.producer()
    while node is not None and is_default_domain(node) and node.op_type in VIEWS and node.inputs[0] is not None:
        node = node.inputs[0].producer()
    if node is None or not is_default_domain(node):
        return None
    if node.op_type == "Div" and _is_share(node):
        return "Softmax"
    return node.op_type if node.op_type in HEADS else None


def _is_share(node: ir.Node) -> bool:
    """Whether exponentials are divided by their sum: a Softmax in parts."""
    above, below = (value.producer() if value is not None else None for value in node.inputs)
    if above is None or below is None or (above.op_type, below.op_type) != ("Exp", "ReduceSum"):
        return False
    return below.inputs[0] is above.outputs[0]


def _are_shares(values: np.ndarray) -> bool:
    """Whether every row adds up to 1, as integers of a Softmax nearly do."""
    sums = values.reshape(len(values), -1).sum(axis=1)
    return bool(values.min(initial=0) >= 0 and np.allclose(sums, 1, atol=ABOUT))


def _may_be(kind: str, outputs: Outputs) -> bool:
    return kind in ("regress", "detect") or _place(kind, outputs, [None] * len(outputs)) is not None


def _as_said(kind: str, reason: str, outputs: Outputs, heads: Sequence[str | None]) -> Task:
    if kind not in KINDS:
        raise DataError(f"task '{kind}' is none of {', '.join(KINDS)}")
    if kind in ("regress", "detect"):
        return _of_numbers(kind, reason, outputs)
    place = _place(kind, outputs, heads)
    if place is None:
        raise refuse_classes(outputs, f"task {kind}") if kind == "classify" else _no_places(outputs)
    return _made(kind, reason, outputs, heads, place)


def _place(kind: str, outputs: Outputs, heads: Sequence[str | None]) -> int | None:
    """Return which output has the classes: with a head before without, rows before single numbers."""
    wanted: tuple[Callable, ...] = (is_row, is_single) if kind == "classify" else (_is_map,)
    for fits in wanted:
        found = [number for number, values in enumerate(outputs) if fits(values)]
        if found:
            return min(found, key=lambda number: (heads[number] is None, number))
    return None


def _made(kind: str, reason: str, outputs: Outputs, heads: Sequence[str | None], place: int) -> Task:
    values, is_sigmoid = outputs[place], heads[place] == "Sigmoid"
    if kind == "classify":
        return Task(kind, reason, row_classes(values), place, is_sigmoid=is_sigmoid)
    if not np.issubdtype(values.dtype, np.floating):
        return Task(kind, f"{reason}; its output is the class of every place", 0, place)
    axis = _class_axis(values)
    where = "axis 1" if axis == 1 else "the last axis"
    classes = max(values.shape[axis], 2)
    return Task(kind, f"{reason}; classes lie along {where} of {values.shape}", classes, place, axis, is_sigmoid)


def _is_map(values: np.ndarray) -> bool:
    return values.ndim >= 3 and values.dtype.kind in "fiub"


def _class_axis(values: np.ndarray) -> int:
    """Return 1, as ONNX has channels; the last axis where it is shorter than all others, as of TensorFlow."""
    last = values.shape[-1]
    return values.ndim - 1 if values.ndim > 3 and all(last < extent for extent in values.shape[1:-1]) else 1


def _no_places(outputs: Outputs) -> DataError:
    shapes = ", ".join(str(values.shape) for values in outputs)
    return DataError(f"task segment needs an output with a class for every place; the output is {shapes}")


def _by_evidence(
    outputs: Outputs, heads: Sequence[str | None], labels: np.ndarray | None, class_names: Sequence[str] | None
) -> Task:
    ended = [n for n, head in enumerate(heads) if head and _may_have_classes(head, n, outputs)]
    measured = labels is not None and labels.dtype.kind == "f"
    if ended and not (measured and heads[ended[0]] == "Sigmoid" and not np.isin(labels, (0, 1)).all()):
        return _made("classify", f"it ends in {heads[ended[0]]}", outputs, heads, ended[0])
    if measured:
        return _of_numbers("regress", f"its labels are measured values ({labels.dtype})", outputs)
    rows = [number for number, values in enumerate(outputs) if is_row(values)]
    named = [n for n in rows if class_names and row_classes(outputs[n]) == len(class_names)]
    if named:
        return _made("classify", "it has class names", outputs, heads, named[0])
    if labels is not None:
        return _by_labels(outputs, heads, labels, rows)
    return _of_numbers("regress", _nothing_says(outputs[0]), outputs)


def _may_have_classes(head: str, number: int, outputs: Outputs) -> bool:
    """Whether the output of a Softmax or Sigmoid is classes; beside maps and boxes a Sigmoid may be of many places."""
    answers = [is_row(values) or is_single(values) for values in outputs]
    return answers[number] and (head != "Sigmoid" or all(answers))


def _by_labels(outputs: Outputs, heads: Sequence[str | None], labels: np.ndarray, rows: Sequence[int]) -> Task:
    """Return the task that labels of whole numbers tell."""
    if rows and (labels.ndim == 1 or labels.shape != outputs[rows[0]].shape or _is_one_hot(labels)):
        return _made("classify", "its labels are class numbers", outputs, heads, rows[0])
    if is_single(outputs[0]) and set(np.unique(labels).tolist()) == {0, 1}:
        return _made("classify", "its labels are 0 and 1", outputs, heads, 0)
    if labels.ndim >= 3 and _is_map(outputs[0]) and labels.ndim == outputs[0].ndim - 1:
        return _made("segment", "its labels are maps of class numbers", outputs, heads, 0)
    return _of_numbers("regress", f"its labels are numbers, not classes: {labels.dtype} {labels.shape}", outputs)


def _of_numbers(kind: str, reason: str, outputs: Outputs) -> Task:
    rows = [number for number, values in enumerate(outputs) if is_row(values) or is_single(values)]
    return Task(kind, reason, rows=tuple(rows))


def _is_one_hot(labels: np.ndarray) -> bool:
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=-1) == 1).all())


def _nothing_says(values: np.ndarray) -> str:
    if not is_row(values):
        return f"its output is {values.shape}, no row of class scores a sample"
    return (
        f"nothing says that its {row_classes(values)} numbers a sample are classes (no Softmax or Sigmoid at its end, "
        "no class names, no class numbers as labels); task classify would"
    )
