"""One stage of a recipe: a technique whose setting is chosen for every layer before the next stage begins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import RecipeError
from ..passes.pipeline import Steps

Cost = Literal["weights", "bits", "bytes", "macs"]
MAX_STAGES = 16


@dataclass(frozen=True)
class Stage:
    """What a stage may do, what it saves, and how far it may go.

    Attributes:
        name: what tables call it. options: configs of one technique, of which a layer takes one, or none.
        cost: what is to become small: numbers held, their bits before coding, coded bytes, or
            multiplications by numbers that are not zero.
        every_layer: whether a layer that can take an option has to, be it the gentlest one.
        share: how much of what earlier stages left of the budget on quality it may use up.
    """

    name: str
    options: Steps
    cost: Cost
    share: float
    every_layer: bool = False


def stages_from_json(document: Any, choices: Callable[[Any], Steps], where: str) -> tuple[Stage, ...]:
    """Return the stages of a recipe.

    Args:
        choices: returns every combination of the settings of one step. where: what errors call the recipe.

    Raises:
        RecipeError: a field is unknown, missing or out of range.
    """
    if not isinstance(document, list) or not 0 < len(document) <= MAX_STAGES:
        raise RecipeError(f"{where}: 'stages' must be a list of 1 to {MAX_STAGES} stages")
    return tuple(_stage(each, choices, f"{where}, stage {place}") for place, each in enumerate(document, 1))


def _stage(document: Any, choices: Callable[[Any], Steps], where: str) -> Stage:
    fields = {"name", "step", "cost", "share"}
    if not isinstance(document, Mapping) or set(document) - {"every_layer"} != fields:
        raise RecipeError(f"{where}: a stage is an object of {', '.join(sorted(fields))}, not {document!r}")
    every_layer = document.get("every_layer", False)
    if not isinstance(every_layer, bool):
        raise RecipeError(f"{where}: every_layer is {every_layer!r}, not true or false")
    name, cost, share = document["name"], document["cost"], document["share"]
    if not isinstance(name, str):
        raise RecipeError(f"{where}: name is {name!r}, not a text")
    if cost not in get_args(Cost):
        raise RecipeError(f"{where}: cost is {cost!r}, not one of {', '.join(get_args(Cost))}")
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
        raise RecipeError(f"{where}: share is {share!r}, not a number above 0 and at most 1")
    return Stage(name, choices(document["step"]), cost, float(share), every_layer)
