"""What a run's intermediate results depend on, as text: where all of it is the same, they can be used again."""

import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .._version import __version__
from ..evaluate import Dataset
from ..numerics.arithmetic import arithmetic
from .job import Job
from .recipe import plan_to_json

LIBRARIES = ("numpy", "scipy", "onnx", "onnx-ir", "onnxruntime")  # sums in another order round differently
OF_POINTS_ALONE = ("budget",)


def parts_of(job: Job) -> dict[str, Any]:
    """Return the parts by name, as plain JSON values."""
    budget = {name: value for name, value in vars(job.budget).items() if value is not None}
    return {
        "attar": {"version": __version__, "build": _build(), **{name: _version(name) for name in LIBRARIES}},
        "arithmetic": arithmetic(),
        "model": job.fingerprint,
        "samples": _samples(job),
        "layers": [layer.name for layer in job.layers],
        "recipe": {"name": job.recipe.name, "chains": [plan_to_json({"": chain})[""] for chain in job.recipe.chains]},
        "seed": job.seed,
        "task": None if job.task is None else [job.task.kind, job.task.reason],
        "metric": None if job.metric is None else [job.metric.name, job.metric.key],
        "damage": "outputs" if job.budget.limits_quality and not job.budget.needs_classes else "classes",
        "budget": budget,
    }


def key_of_points(parts: Mapping[str, Any]) -> str:
    """Return the key of what depends on all parts."""
    return _digest(parts)


def key_of_gauge(parts: Mapping[str, Any]) -> str:
    """Return the key of what is the same whatever the budget's numbers are."""
    return _digest({name: part for name, part in parts.items() if name not in OF_POINTS_ALONE})


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _samples(job: Job) -> str:
    digest = hashlib.sha256(json.dumps([job.preprocessing, job.class_names], sort_keys=True, default=str).encode())
    for part in (job.samples.calibration, job.samples.search) if job.samples else ():
        _add(digest, part)
    return digest.hexdigest()


def _add(digest: Any, part: Dataset) -> None:
    labels = {} if part.labels is None else {"labels": part.labels}
    for kind, arrays in (("input", part.inputs), ("labels", labels)):
        for name, values in sorted(arrays.items()):
            digest.update(repr((kind, name, values.dtype.str, values.shape)).encode())
            digest.update(memoryview(values.copy(order="C")).cast("B") if values.size else b"")


def _version(library: str) -> str:
    return importlib.metadata.version(library)


@cache
def _build() -> str:
    """Return the digest of attar's own code: one version number may stand for many states of a working tree."""
    package = Path(__file__).parents[1]
    native = importlib.util.find_spec(f"{package.name}._native")
    files = [*sorted(package.rglob("*.py")), *([Path(native.origin)] if native else [])]
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
