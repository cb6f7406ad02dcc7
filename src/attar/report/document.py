"""The report of one run as data: everything that is printed, and the plan to do it again."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._content import ByContent
from ..evaluate import Measurement, Task
from .allocation import Allocation
from .integers import IntegerRun
from .layers import LayerRow
from .stages import StageRow


@dataclass(frozen=True, eq=False)
class LayerChange(ByContent):
    """One layer before and after: stored bytes, the steps it took (as JSON), and the rows of its tensors now."""

    name: str
    op_type: str
    shape: tuple[int, ...]
    bytes_before: int
    steps: tuple[dict[str, Any], ...]
    now: tuple[LayerRow, ...]

    @property
    def bytes_after(self) -> int:
        """Bytes of the streams that hold the layer now."""
        return sum(row.size_bytes for row in self.now)


@dataclass(frozen=True)
class CurvePoint:
    """One network that a run made on its way, a file of `size_bytes`.

    What follows was measured on the search's samples, None where that was not possible; the verdict is another matter.

    Attributes:
        number: place in the order of sizes, from 1. slope: damage that one bit was worth. damage: to the output.
        drop: points of the metric, of the original's softmax where `is_predicted`. agreement, relative_error: percent.
        within_budget: as far as the search can tell. chosen: whether it is the file that was written and judged.
    """

    number: int
    size_bytes: int
    slope: float
    damage: float | None
    drop: float | None = None
    is_predicted: bool = False
    agreement: float | None = None
    relative_error: float | None = None
    within_budget: bool = True
    chosen: bool = False


@dataclass(frozen=True, eq=False)
class Report(ByContent):
    """What happened.

    Attributes:
        task: what the network was taken for, and why; None where nothing was judged.
        source: what was compressed. recipe, seed: how it was asked for. budget: limit -> value; budget_is_default:
            nobody asked for it. size_bytes: of the file; chunk_sizes: its parts; fp32_bytes: float weights at 4 bytes.
        measurement: on the verdict's samples. limits: the budget held against it. changes: layers that changed.
        left_alone: (name, shape, reason) of every other initializer. declined: (layer, technique, reason).
        plan: layer -> steps. search: evaluations, seconds, why it stopped, the curve of (bytes, damage).
        samples: how many calibrated, searched, judged. points: every network that was made along a slope, by size.
        stages: the network after each stage of a recipe that has some. allocation: of memory for activations in fixed
            point, or why there is none. coders: to which the file is restricted, by name; none names all.
        norms_folded: whether batch normalizations went into their layers before the steps of the plan.
        notes: what of the data was left out or guessed.
        integers: the program in the file, which was measured; None where the graph was.
        in_floats: what was measured of the graph, where there is a program beside it.
        arithmetic: the kernels and instructions that the same bytes depend on (`numerics/arithmetic`).
    """

    task: Task | None
    attar: str
    source: str
    recipe: str
    seed: int
    budget: dict[str, float]
    budget_is_default: bool
    size_bytes: int
    fp32_bytes: int
    chunk_sizes: dict[str, int]
    measurement: Measurement | None
    limits: tuple[Any, ...]
    changes: tuple[LayerChange, ...]
    left_alone: tuple[tuple[str, tuple[int, ...], str], ...]
    declined: tuple[tuple[str, str, str], ...]
    plan: dict[str, list[dict[str, Any]]]
    search: dict[str, Any]
    samples: dict[str, int]
    points: tuple[CurvePoint, ...] = ()
    stages: tuple[StageRow, ...] = ()
    allocation: Allocation | str | None = None
    coders: tuple[str, ...] = ()
    norms_folded: bool = False
    notes: tuple[str, ...] = ()
    integers: IntegerRun | None = None
    in_floats: Measurement | None = None
    arithmetic: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """fp32 weight bytes over the bytes of the file."""
        return self.fp32_bytes / self.size_bytes


def to_json(report: Report) -> dict[str, Any]:
    """Return the report as plain JSON values; per-sample arrays are left out."""
    document = to_plain(report)
    document["ratio"] = report.ratio
    return document


def is_report(document: Any) -> bool:
    """Whether a JSON document is a report as `to_json` returns it."""
    wanted = {field.name for field in dataclasses.fields(Report) if field.default is dataclasses.MISSING}
    return isinstance(document, dict) and wanted <= set(document)


def to_plain(value: Any) -> Any:
    """Return dataclasses, tuples and numpy numbers as what JSON knows; infinities become null."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.repr}
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain
