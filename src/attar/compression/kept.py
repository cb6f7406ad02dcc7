"""What a run along the slope keeps in its work folder as it is finished, and what a later run finds there.

What is read back may be hostile: names, numbers and shapes are held against the job, and a point's file is opened and
decoded, before anything is used. What does not pass is as if it were not there.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import onnx_ir as ir

from .. import container
from ..graph import LeftAlone, WeightLayer
from ..numerics.quadratic import Quadratic, taken_apart
from ..passes.pipeline import Declined, Notes
from . import kept_layers
from .descent import Point
from .fingerprint import key_of_gauge, key_of_points, parts_of
from .job import Job
from .judge import Figures
from .kept_layers import KeptLayers
from .recipe import load_plan, plan_to_json
from .treatment import Treatment
from .work import Record, WorkFolder, number_of, number_within, text_of, usable

ROOM_BYTES = 1 << 26  # beside the weights: graph, tables
GAUGE = "gauge"


def room_for(job: Job) -> int:
    """Return the most bytes that anything kept of this job may take."""
    rows = (layer.shape[layer.channel_axis] for layer in job.layers)
    weights = sum(value.const_value.nbytes for value in job.model.graph.initializers.values())
    return 2 * weights + 8 * sum(count * count for count in rows) + ROOM_BYTES


class Kept:
    """The gauge and the points of one job, in a folder or, without one, nowhere.

    Attributes:
        folder: None keeps nothing and finds nothing. found_points, found_gauge: what was taken from it.
    """

    def __init__(self, job: Job, folder: WorkFolder | None) -> None:
        """Look at what the folder has for `job`, the one that was asked for."""
        self.folder = folder
        self.found_points, self.found_gauge = 0, False
        self._job, self._written, self._has_begun = job, 0, False
        self._passes: list[KeptLayers] = []
        self._parts = parts_of(job) if folder else {}
        self._points_key, self._gauge_key = key_of_points(self._parts), key_of_gauge(self._parts)
        self._points = points_in(job, folder, self._points_key) if folder else []

    def gauge(self, layers: Sequence[WeightLayer]) -> Treatment | None:
        """Return the sensitivities and row costs of `layers` that an earlier run measured."""
        record = self.folder.read(GAUGE, self._gauge_key) if self.folder else None
        if record is None:
            return None
        treatment = usable(lambda: _read_gauge(record, layers, room_for(self._job)))
        if treatment is None:
            self.folder.refuse(GAUGE)
        self.found_gauge = treatment is not None
        return treatment

    def keep_gauge(self, treatment: Treatment) -> None:
        """Keep what was measured."""
        if not self.folder:
            return
        forms = {name: _triangle(cost.form[0]) for name, cost in treatment.row_costs.items()}
        self._begin()
        self.folder.write(
            GAUGE, self._gauge_key, {"sensitivity": treatment.sensitivity}, container.to_bytes(None, tensors=forms)
        )

    def point(self, slope: float) -> Point | None:
        """Return the point that an earlier run finished at this slope."""
        found = next((point for point in self._points if point.slope == slope), None)
        self.found_points += found is not None
        return found

    def layers(self, model: ir.Model, layers: Sequence[WeightLayer], slope: float) -> KeptLayers | None:
        """Return what keeps the layers of the pass at this slope; None where a pass is made again in a moment."""
        if not self.folder or sum(layer.size for layer in layers) < kept_layers.LARGE:
            return None
        self._begin()
        self._passes.append(KeptLayers(self.folder, self._points_key, model, layers, slope))
        return self._passes[-1]

    def keep_point(self, point: Point) -> None:
        """Keep a finished point; its layers need not be kept any longer."""
        if not self.folder:
            return
        self._begin()
        self._written += 1
        name = f"point-{self.found_points + self._written:03}"
        self.folder.write(name, self._points_key, _facts(point), point.data)
        for finished in self._passes:
            if finished.slope == point.slope:
                finished.remove()

    def end(self, points: Sequence[Point]) -> None:
        """Note which points the run ended with: a user picks among these."""
        if self.folder:
            self._begin()
            slopes = [point.slope for point in points]
            self.folder.write("run", self._points_key, {**run_facts(self._job, self._parts), "slopes": slopes})

    def report(self) -> dict[str, Any]:
        """Return what the report says of the folder."""
        if not self.folder:
            return {}
        work = self.folder.report()
        layers = sum(finished.found for finished in self._passes)
        resumed = {"points": self.found_points, "gauge": self.found_gauge, "layers": layers}
        return {"work": work, "resumed": resumed} if any(resumed.values()) else {"work": work}

    def _begin(self) -> None:
        """Make room for the first record: what another run left goes, and this run says what it is."""
        if not self._has_begun:
            self.folder.sweep({self._points_key, self._gauge_key})
            self.folder.write("run", self._points_key, run_facts(self._job, self._parts))
            self._has_begun = True


def keep(job: Job, path: str | os.PathLike[str] | None) -> Kept:
    """Return what keeps the run of `job` in the folder at `path`, made if there is none; nothing without a path.

    Raises:
        OutputError: the folder cannot be made or written.
    """
    if path is None:
        return Kept(job, None)
    folder = WorkFolder(path, max_bytes=room_for(job))
    folder.make()
    return Kept(job, folder)


def run_facts(job: Job, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be known of a run to pick from its points later."""
    counts = {"calibration": len(job.samples.calibration), "search": len(job.samples.search)} if job.samples else {}
    left = [[item.name, list(item.shape), item.reason] for item in job.left_alone]
    return {"parts": parts, "budget_is_default": job.budget_is_default, "samples": counts, "left_alone": left}


def points_in(job: Job, folder: WorkFolder, key: str) -> list[Point]:
    """Return all points of a folder that can be used."""
    found = []
    for name in folder.names("point-"):
        record = folder.read(name, key)
        point = None if record is None else usable(lambda record=record: _read_point(record, job))
        if point is not None:
            found.append(point)
        elif record is not None:
            folder.refuse(name)
    return found


def _facts(point: Point) -> dict[str, Any]:
    return {
        "slope": point.slope,
        "damage": _finite(point.damage),
        "load": _finite(point.load),
        "figures": None if point.figures is None else {k: _finite(v) for k, v in asdict(point.figures).items()},
        "plan": plan_to_json(point.notes.changed),
        "left_alone": [[item.name, list(item.shape), item.reason] for item in point.notes.left_alone],
        "declined": [[item.layer, item.technique, item.reason] for item in point.notes.declined],
    }


def _read_point(record: Record, job: Job) -> Point:
    facts = record.facts
    file = container.open(record.data, max_decoded_bytes=room_for(job))
    file.check()
    model = file.model().graph
    if any(
        [value.name for value in ours] != [value.name for value in theirs]
        for ours, theirs in ((job.model.graph.inputs, model.inputs), (job.model.graph.outputs, model.outputs))
    ):
        raise ValueError("the file is of another network")
    changed = load_plan({"plan": facts["plan"]}).steps
    if not set(changed) <= {layer.name for layer in job.layers}:
        raise ValueError("the plan names another network's layers")
    notes = Notes(changed, read_left_alone(facts["left_alone"]), tuple(_declined(item) for item in facts["declined"]))
    slope, damage, load = (number_within(facts[name], 0) for name in ("slope", "damage", "load"))
    return Point(slope, record.data, notes, damage, load, _figures(facts["figures"]))


def _figures(facts: Any) -> Figures | None:
    if facts is None:
        return None
    drop = None if facts["drop"] is None else number_within(facts["drop"], -100, 100)
    agreement = None if facts["agreement"] is None else number_within(facts["agreement"], 0, 100)
    return Figures(drop, facts["is_predicted"] is True, agreement, number_within(facts["relative_error"], 0))


def read_left_alone(items: Any) -> tuple[LeftAlone, ...]:
    """Return what `run_facts` wrote.

    Raises:
        ValueError, TypeError: it is something else.
    """
    return tuple(LeftAlone(text_of(name), tuple(int(n) for n in shape), text_of(why)) for name, shape, why in items)


def _declined(item: Any) -> Declined:
    layer, technique, reason = item
    return Declined(text_of(layer), text_of(technique), text_of(reason))


def _read_gauge(record: Record, layers: Sequence[WeightLayer], most_bytes: int) -> Treatment:
    rows = {layer.name: layer.shape[layer.channel_axis] for layer in layers}
    sensitivity = {text_of(name): number_of(value) for name, value in record.facts["sensitivity"].items()}
    if set(sensitivity) != set(rows) or not all(0 <= value < math.inf for value in sensitivity.values()):
        raise ValueError("sensitivities of other layers, or none")
    file = container.open(record.data, max_decoded_bytes=most_bytes)
    costs = {name: _cost(triangle, rows[name]) for name, triangle in file.tensors()}
    return Treatment(sensitivity, costs)


def _cost(triangle: np.ndarray, rows: int) -> Quadratic:
    form = np.empty((rows, rows))
    below = np.tril_indices(rows)
    if triangle.dtype != np.float64 or triangle.shape != below[0].shape or not np.isfinite(triangle).all():
        raise ValueError("no triangle of a form")
    form[below] = triangle
    form.T[below] = triangle
    return taken_apart(form[None])


def _triangle(form: np.ndarray) -> np.ndarray:
    return form[np.tril_indices(len(form))]


def _finite(value: Any) -> Any:
    """JSON has no infinity: it becomes null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
