"""Compress in stages, each a technique of its own: Ge et al. 2017, whose evaluator E_c directs every module.

A stage tries every setting on one layer at a time, the others exact, and notes what it saves and how much the scores
differ. Errors of layers add up by their squares, so equal slopes of squared error over cost are best (`plan/allocate`);
along that curve the stage goes as far as its share of what is left of the budget allows, judged on the whole network.
What a layer has become is where the next stage begins.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..codec import Effort
from ..errors import BudgetError
from ..graph import layer_macs
from ..numerics.moments import InputStatistics
from ..passes.pipeline import Applied, Chained, Declined, nothing_applied, take, unless_no_smaller
from ..passes.weights import Weights
from ..plan.allocate import trade_off
from ..report.allocation import Allocation
from ..report.stages import StageRow, held_by
from .effort import effort_for
from .file_bytes import coders_of
from .job import Job
from .search import OutOfTime
from .sitting import judge_of
from .stage import Stage
from .stage_options import Line, StageOptions, bits, cost_of, difference


@dataclass(frozen=True)
class Staged:
    """How it ended.

    Attributes:
        rows: the original and the network after each stage. correlation: Spearman's, of E_c and accuracy (the drop
            where no labels are known), over all networks judged; None of fewer than three.
        evaluations: runs of the network. stopped: why it ended early, None if it came to its end.
        curve: (cost, squared E_c) of every network judged. declined: techniques that some layer could not take.
        allocation: of memory for activations, or why there is none; None where the recipe asks for none.
    """

    rows: tuple[StageRow, ...]
    correlation: float | None
    evaluations: int
    stopped: str | None
    curve: list[tuple[int, float]]
    declined: tuple[Declined, ...]
    allocation: Allocation | str | None


class StageSearch:
    """Takes the layers of a network through the stages of a recipe.

    Attributes:
        stopped: why it ended early, None as long as it did not.
    """

    def __init__(self, job: Job, statistics: Mapping[str, InputStatistics]) -> None:
        """Run the original on the search's samples.

        Raises:
            BudgetError: the budget has no limit on quality, which tells a stage how far to go.
        """
        if not job.budget.limits_quality:
            raise BudgetError(f"recipe {job.recipe.name}: its stages need a limit on quality, such as --max-drop")
        self._job = job
        self._effort = effort_for(job.model, layers=len(job.layers), samples=len(job.samples.search))
        self._judge = judge_of(job, swaps=self._effort.swaps)
        self._lines = _lines(job, statistics)
        self._curve: list[tuple[int, float]] = []
        self._used = 0.0  # of the budget
        self._seen: list[tuple[float, float]] = []  # E_c and how bad the answers are, of all networks judged
        self.stopped: str | None = None

    def run(self, stage: Stage) -> None:
        """Choose the setting of every layer; an interrupt or the deadline leaves the layers as the stage found them."""
        try:
            choices = self._options(stage)
            for line, done in zip(self._lines, self._chosen(stage, choices), strict=True):
                line.done = done
        except KeyboardInterrupt:
            self.stopped = "it was interrupted"
        except OutOfTime:
            self.stopped = "the time limit was reached"

    def _options(self, stage: Stage) -> list[StageOptions]:
        found, of_layer = [], cost_of(stage.cost, Effort(coders=coders_of(self._job), exhaustive=False))
        for number, line in enumerate(self._lines):
            self._check_time()
            options = StageOptions(self._job.model, line, stage.options, of_layer)
            options.probe(self._judge, most=self._effort.probes_per_layer, stays=not stage.every_layer)
            found.append(options)
            self._job.progress(f"{stage.name}: every layer alone", (number + 1) / len(self._lines))
        return found

    def _chosen(self, stage: Stage, layers: list[StageOptions]) -> list[Chained]:
        """Bisect the curve of equal slopes for the last point within the stage's share of what the budget has left."""
        curve = trade_off([layer.options for layer in layers])
        low, high, limit = 0, len(curve), self._used + stage.share * max(1 - self._used, 0.0)
        while high - low > 1:
            middle = (low + high) // 2
            load = self._load(layers, curve[middle])
            if load <= limit:
                low, self._used = middle, load
            else:
                high = middle
            self._job.progress(f"{stage.name}: all layers together", 1 - (high - low) / len(curve))
        return [layer.done(choice) for layer, choice in zip(layers, curve[low], strict=True)]

    def _load(self, layers: Sequence[StageOptions], choices: Sequence[int]) -> float:
        """Run the network with one choice for every layer; return how much of the budget it uses up."""
        self._check_time()
        changed = [layer.overrides(choice) for layer, choice in zip(layers, choices, strict=True)]
        outputs = self._judge.outputs({name: values for each in changed for name, values in each.items()})
        error = difference(self._judge.original, outputs)
        cost = sum(layer.options[choice].size_bytes for layer, choice in zip(layers, choices, strict=True))
        self._curve.append((cost, error**2))
        score, drop = self._judge.score(outputs), self._judge.figures(outputs).drop
        if score is not None or drop is not None:
            self._seen.append((error, drop if score is None else -score))
        return self._judge.load(outputs)

    def put_back(self) -> bool:
        """Let layers be as they were where that takes no more bytes; tell whether any changed for nothing."""
        effort = Effort(coders=coders_of(self._job))
        kept = [unless_no_smaller(line.weights, line.done, effort=effort) for line in self._lines]
        changed = [done is not line.done for line, done in zip(self._lines, kept, strict=True)]
        for line, done in zip(self._lines, kept, strict=True):
            line.done = done
        return any(changed)

    def applied(self) -> Applied:
        """Return the network as it is now."""
        result = nothing_applied(self._job.model)
        for line in self._lines:
            result = take(result, line.layer, line.done, line.weights)
        return result

    def row(self, name: str, applied: Applied, size_bytes: int) -> StageRow:
        """Return the statistics of the network as it is now, not yet coded, in a file of `size_bytes`."""
        now, before = applied.model.graph.initializers, self._job.model.graph.initializers
        held = held_by(applied.model, [name for line in self._lines for name in line.tensors(now, before)])
        outputs = self._judge.outputs_of(applied.model)
        each = sum(bits(line.done) for line in self._lines) / max(held.weights, 1)
        error = difference(self._judge.original, outputs)
        return StageRow(name, size_bytes, held, each, error, self._judge.figures(outputs).drop)

    def ended(self, rows: Sequence[StageRow], allocation: Allocation | str | None) -> Staged:
        """Return how it ended, with these rows and widths of activations."""
        declined = tuple(note for line in self._lines for note in line.declined.values())
        runs = self._judge.evaluations
        return Staged(
            tuple(rows), _correlation(self._seen), runs, self.stopped, sorted(self._curve), declined, allocation
        )

    def _check_time(self) -> None:
        if self._job.deadline is not None and time.monotonic() > self._job.deadline:
            raise OutOfTime


def _lines(job: Job, statistics: Mapping[str, InputStatistics]) -> list[Line]:
    macs, lines = layer_macs(job.model), []
    for layer in job.layers:
        values = job.model.graph.initializers[layer.name].const_value.numpy()
        weights = Weights.of(layer, values, statistics.get(layer.name))
        repeats = (macs.get(layer.name) or layer.size) / layer.size
        lines.append(Line(layer, weights, repeats, Chained((weights,), (), ())))
    return lines


def _correlation(seen: Sequence[tuple[float, float]]) -> float | None:
    """Return Spearman's rank correlation of E_c and how bad the answers are."""
    if len(seen) < 3:
        return None
    import scipy.stats  # half a second that no other run should pay

    found = float(scipy.stats.spearmanr(*np.array(seen).T).statistic)
    return found if np.isfinite(found) else None
