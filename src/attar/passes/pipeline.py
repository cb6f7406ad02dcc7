"""Run chains of techniques over the layers of a network: pure on the arrays, then one rewrite of the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx_ir as ir

from ..codec import QUICK, Effort, GridHint, encoded_size
from ..codec.recognize import find_grids
from ..errors import RecipeError
from ..graph import LeftAlone, WeightLayer, insert_low_rank, set_initializer, survey
from ..numerics.moments import InputStatistics
from .catalog import Technique, technique_of
from .quantize import bias_correction
from .quantize.bias_correction import Shift
from .weights import NotApplicable, Weights, product

SAMPLE = 4096  # weights that tell whether all of them may code well
Steps = tuple[Any, ...]  # configs, in the order in which they are applied


@dataclass(frozen=True)
class Declined:
    """A technique that was asked for and that cannot treat a layer, with the reason."""

    layer: str
    technique: str
    reason: str


@dataclass(frozen=True)
class Chained:
    """One layer after a chain of techniques.

    Attributes:
        parts: one tensor, or two factors (input side first).
        steps: the configs that did something. declined: technique and reason of those that could not.
        shift: what bias correction adds to the output, None where it wasn't asked for or has nothing to add.
    """

    parts: tuple[Weights, ...]
    steps: Steps
    declined: tuple[tuple[str, str], ...]
    shift: Shift | None = None


@dataclass(frozen=True)
class Notes:
    """What became of every layer, without the network itself; as in `Applied`."""

    changed: dict[str, Steps]
    left_alone: tuple[LeftAlone, ...]
    declined: tuple[Declined, ...]


@dataclass(frozen=True)
class Applied:
    """A rewritten network.

    Attributes:
        model: the new graph; the given one is untouched.
        hints: integers and scales by initializer, for the codec.
        changed: the steps that changed each layer.
        left_alone: every initializer that stays as it was, with the reason.
        declined: every step that a layer could not take, with the reason.
    """

    model: ir.Model
    hints: dict[str, GridHint]
    changed: dict[str, Steps]
    left_alone: tuple[LeftAlone, ...]
    declined: tuple[Declined, ...]

    @property
    def notes(self) -> Notes:
        """What became of every layer."""
        return Notes(self.changed, self.left_alone, self.declined)


def chain(weights: Weights, steps: Steps, done: Chained | None = None) -> Chained:
    """Take one layer through `steps`, leaving out those that can't treat it; on from `done`, where that is given."""
    done = done or Chained((weights,), (), ())
    for config in steps:
        technique = technique_of(config)
        try:
            done = _link(done, weights, technique, config)
        except NotApplicable as reason:
            done = replace(done, declined=(*done.declined, (technique.name, str(reason))))
    return done


def decided(weights: Weights, config: Any, decision: Any) -> Chained:
    """Return one layer after a technique whose decision is already made."""
    return Chained(_apply(technique_of(config), weights, decision), (config,), ())


def apply_plan(
    model: ir.Model, plan: Mapping[str, Steps], *, statistics: Mapping[str, InputStatistics] | None = None
) -> Applied:
    """Return a copy of `model` with every layer of `plan` taken through its steps.

    Raises:
        RecipeError: the plan names a layer that the network doesn't have.
    """
    found = survey(model)
    check_names(plan, [layer.name for layer in found.layers])
    result = nothing_applied(model)
    for layer in found.layers:
        values = model.graph.initializers[layer.name].const_value.numpy()
        weights = Weights.of(layer, values, (statistics or {}).get(layer.name))
        done = unless_no_smaller(weights, chain(weights, plan.get(layer.name, ())))
        result = take(result, layer, done, weights)
    return result


def unless_no_smaller(weights: Weights, done: Chained, *, effort: Effort | None = None) -> Chained:
    """Return `done`, or the weights as they were where those take no more bytes: then they are changed for nothing.

    That is so where another tool has put them on a grid, into a codebook, or has made most of them zero.
    """
    if not done.steps or not _may_code_well(weights.values):
        return done
    effort, dtype = effort or QUICK, weights.values.dtype
    parts = (replace(part, values=part.values.astype(dtype, copy=False)) for part in done.parts)
    now = sum(encoded_size(part.values, hint=part.hint, effort=effort) for part in parts)
    if encoded_size(weights.values, effort=effort) > now:
        return done
    reason = "the weights as they are take no more bytes"
    return Chained((weights,), (), (*done.declined, (technique_of(done.steps[0]).name, reason)))


def _may_code_well(values: np.ndarray) -> bool:
    """Whether values are few beside their number, or multiples of a step; quickly told where they aren't."""
    flat = values.reshape(-1)
    sample = flat[:: max(1, flat.size // SAMPLE)]
    return 2 * np.unique(sample).size <= sample.size or bool(find_grids(np.ascontiguousarray(values)))


def nothing_applied(model: ir.Model) -> Applied:
    """Return a copy of `model` before its first change."""
    return Applied(model.clone(), {}, {}, survey(model).left_alone, ())


def changed_tensors(model: ir.Model, layer: WeightLayer, done: Chained) -> dict[str, np.ndarray]:
    """Return the initializers of `layer` as `done` leaves them, factors multiplied out."""
    dtype = model.graph.initializers[layer.name].dtype.numpy()
    weights = product(done.parts).astype(dtype, copy=False)
    return {layer.name: weights, **shifted_offset(model, layer, done.shift)}


def shifted_offset(model: ir.Model, layer: WeightLayer, shift: Shift | None) -> dict[str, np.ndarray]:
    """Return the bias (or normalization mean) of `layer` with `shift` in it, by initializer name; empty without one."""
    if shift is None or layer.offset is None:
        return {}
    old = model.graph.initializers[layer.offset.name].const_value.numpy()
    return {layer.offset.name: bias_correction.apply(old, layer.offset.sign, shift)}


def check_names(plan: Mapping[str, Steps], layers: Sequence[str]) -> None:
    """Refuse a plan that names a layer which the network doesn't have."""
    strangers = sorted(set(plan) - set(layers))
    if strangers:
        raise RecipeError(f"the plan names layer '{strangers[0]}'; the network has: {', '.join(layers) or 'none'}")


def take(result: Applied, layer: WeightLayer, done: Chained, before: Weights) -> Applied:
    """Note what one layer went through and, where it changed, write it into the graph."""
    declined = (*result.declined, *(Declined(layer.name, *note) for note in done.declined))
    if len(done.parts) == 1 and np.array_equal(done.parts[0].values, before.values):
        reason = "; ".join(why for _, why in done.declined) or "its plan changes nothing"
        alone = (*result.left_alone, LeftAlone(layer.name, layer.shape, reason))
        return replace(result, left_alone=alone, declined=declined)
    hints = result.hints | _write_back(result.model, layer.name, done.parts)
    for name, values in shifted_offset(result.model, layer, done.shift).items():
        set_initializer(result.model, name, values)
    return replace(result, hints=hints, changed={**result.changed, layer.name: done.steps}, declined=declined)


def _link(done: Chained, before: Weights, technique: Technique, config: Any) -> Chained:
    """Add one technique to the chain; one of the whole layer looks back at what the layer was before."""
    if technique.of_layer:
        shift = technique.plan(before, done.parts, config)
        return done if shift is None else replace(done, shift=shift, steps=(*done.steps, config))
    decisions = [technique.plan(part, config) for part in done.parts]
    if all(decision is None for decision in decisions):
        return done
    parts = tuple(new for pair in zip(done.parts, decisions, strict=True) for new in _apply(technique, *pair))
    # A change of the weights makes an earlier correction stale: corrections belong at the end of a chain.
    return replace(done, parts=parts, steps=(*done.steps, config), shift=None)


def _apply(technique: Technique, part: Weights, decision: Any) -> tuple[Weights, ...]:
    if decision is None:
        return (part,)
    result = technique.apply(part, decision)
    return result if isinstance(result, tuple) else (result,)


def _write_back(model: ir.Model, name: str, parts: tuple[Weights, ...]) -> dict[str, GridHint]:
    if len(parts) == 1:
        set_initializer(model, name, parts[0].values)
        names: tuple[str, ...] = (name,)
    else:
        names = insert_low_rank(model, name, parts[0].values, parts[1].values)
    return {n: part.hint for n, part in zip(names, parts, strict=True) if part.hint is not None}
