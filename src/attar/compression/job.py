"""One network with all that was settled about it before the work starts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from ..evaluate import Metric, Task
from ..graph import LeftAlone, WeightLayer
from .budget import Budget
from .recipe import Plan, Recipe
from .samples import Samples
from .search import Progress

if TYPE_CHECKING:
    from .integers import Integers


@dataclass(frozen=True)
class Job:
    """What `compress` was really asked to do.

    Attributes:
        source: what the user called the network. model: the graph, cut where asked. fingerprint: of its bytes.
        given_plan: a plan to carry out in place of the recipe. layers, left_alone: who takes part, who was told not to.
        task: what the network is taken for; None without samples, by which nothing is judged.
        metric: of the labels; None where they tell nothing.
        integers: how to compute in them; None for a file without a program.
        deadline: `time.monotonic()` at which the search stops. The rest as in `compress`.
    """

    source: str
    model: ir.Model
    fingerprint: str
    recipe: Recipe
    given_plan: Plan | None
    budget: Budget
    budget_is_default: bool
    layers: list[WeightLayer]
    left_alone: list[LeftAlone]
    samples: Samples | None
    task: Task | None
    metric: Metric | None
    preprocessing: Mapping[str, Any] | None
    class_names: list[str] | None
    threads: int
    seed: int
    deadline: float | None
    progress: Progress
    integers: "Integers | None" = None
    started: float = field(default_factory=time.monotonic)
