"""A recipe says what may be done to every layer: an ordered list of techniques, each setting one value or several.

Where a setting is a list, or where there are alternative lists of steps, the search chooses for every layer; where all
are single, there is nothing to search. A recipe of stages settles one technique after another for the whole network.
"""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from ..codec import NAMES
from ..errors import RecipeError
from ..files import read_file
from ..passes.catalog import config_from_json, config_to_json
from ..passes.pipeline import Steps
from ..passes.quantize.rate_distortion import RateDistortion
from .stage import Stage, stages_from_json

VERSION = 1
MAX_FILE_BYTES = 64_000_000  # of a recipe or a plan
FIELDS = {"version", "name", "about", "steps", "alternatives", "stages", "coders", "memory", "budget", "seed"}
CODERS = tuple(NAMES.values())
MAX_CHAINS = 20_000  # combinations of settings for one layer


@dataclass(frozen=True)
class Recipe:
    """Chains of techniques to choose from, the same for every layer.

    Attributes:
        name: what the user called it. chains: every combination of the settings. budget: its own, where it brings one.
        seed: as budget. stages: in place of chains, one technique after another. coders: that a file of stages is
            stored with, by name; all where it names none. memory: whether widths of activations are allocated, too.
    """

    name: str
    chains: tuple[Steps, ...]
    budget: Mapping[str, Any]
    seed: int | None
    stages: tuple[Stage, ...] = ()
    coders: tuple[str, ...] = ()
    memory: bool = False

    @property
    def has_choice(self) -> bool:
        """Whether there is anything to search."""
        return len(self.chains) > 1 or bool(self.stages)

    @property
    def follows_slope(self) -> bool:
        """Whether it asks for rate-distortion quantization without a setting: the budget settles the slope."""
        return self.chains == ((RateDistortion(),),)


@dataclass(frozen=True)
class Plan:
    """What a run decided, and what else it takes to do the same again.

    Attributes:
        steps: of every layer. seed: that split the samples. recipe: its name. Both None where not known.
        coders: as in `Recipe`. norms_folded: whether batch normalizations go into their layers before the steps.
    """

    steps: dict[str, Steps]
    seed: int | None = None
    recipe: str | None = None
    coders: tuple[str, ...] = ()
    norms_folded: bool = False


def named_recipes() -> list[str]:
    """Return the names of the recipes that come with attar."""
    folder = resources.files(__package__) / "recipes"
    return sorted(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))


def load_recipe(source: str | Path | Mapping[str, Any] | Sequence[Any]) -> Recipe:
    """Return the recipe of that name, in that file, of that JSON object, or of a list of configs.

    Raises:
        RecipeError: no such recipe, unreadable, of another version, or with unknown techniques or settings.
    """
    if isinstance(source, (str, Path)):
        return _from_json(_read(str(source)), name=Path(source).stem)
    if isinstance(source, Mapping):
        return _from_json(source, name=str(source.get("name", "given")))
    if not source:
        raise RecipeError("a recipe without a single config changes nothing")
    # Through JSON and back: settings built in Python meet the same limits as those of a file.
    return Recipe("given", (tuple(config_from_json(config_to_json(config)) for config in source),), {}, None)


def plan_to_json(plan: Mapping[str, Steps]) -> dict[str, list[dict[str, Any]]]:
    """Return the plan as plain JSON: layer -> the steps it takes."""
    return {layer: [config_to_json(config) for config in steps] for layer, steps in plan.items()}


def load_plan(source: str | Path | Mapping[str, Any]) -> Plan:
    """Read a plan from a file (a plan, or the JSON report beside a result) or from its JSON object.

    Raises:
        RecipeError: unreadable, or naming unknown techniques or settings.
    """
    document = _read_file(Path(source)) if isinstance(source, (str, Path)) else source
    if not isinstance(document, Mapping):
        raise RecipeError(f"a plan is an object of layer names and lists of steps, not {type(document).__name__}")
    plan = document.get("plan", document)
    if not isinstance(plan, Mapping) or not all(isinstance(steps, list) for steps in plan.values()):
        raise RecipeError(f"{source}: a plan is an object of layer names and lists of steps")
    steps = {layer: tuple(config_from_json(_step(step)) for step in steps) for layer, steps in plan.items()}
    if "plan" not in document:
        return Plan(steps)
    name = document.get("recipe")
    return Plan(
        steps,
        _seed(document, "plan"),
        name if isinstance(name, str) else None,
        _coders(document, "plan"),
        _flag(document, "norms_folded", "plan"),
    )


def read_named(name: str) -> dict[str, Any]:
    """Return the JSON object of a recipe that comes with attar."""
    return json.loads((resources.files(__package__) / "recipes" / f"{name}.json").read_text(encoding="utf-8"))


def _read(name: str) -> Mapping[str, Any]:
    if name in named_recipes():
        return read_named(name)
    if not Path(name).is_file():
        raise RecipeError(f"no recipe '{name}': neither a file nor one of {', '.join(named_recipes())}")
    return _read_file(Path(name))


def _read_file(path: Path) -> Mapping[str, Any]:
    data = read_file(path, error=RecipeError, most_bytes=MAX_FILE_BYTES)
    try:
        document = json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    if not isinstance(document, Mapping):
        raise RecipeError(f"{path}: holds {type(document).__name__}, not an object")
    return document


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not a number that a setting can have")


def _from_json(document: Mapping[str, Any], *, name: str) -> Recipe:
    unknown = sorted(set(document) - FIELDS)
    if unknown:
        raise RecipeError(f"recipe {name}: unknown field '{unknown[0]}'")
    if document.get("version") != VERSION:
        raise RecipeError(f"recipe {name}: version {document.get('version')!r}; this attar reads version {VERSION}")
    budget = document.get("budget", {})
    if not isinstance(budget, Mapping):
        raise RecipeError(f"recipe {name}: 'budget' must be an object")
    seed = _seed(document, f"recipe {name}")
    if "stages" in document:
        coders, memory = _coders(document, f"recipe {name}"), _flag(document, "memory", f"recipe {name}")
        return Recipe(name, (), budget, seed, _stages(document, name), coders, memory)
    if misplaced := sorted({"coders", "memory"} & set(document)):
        raise RecipeError(f"recipe {name}: '{misplaced[0]}' belongs to a recipe of stages")
    chains = [chain for steps in _alternatives(document, name) for chain in _chains(steps, name)]
    if len(chains) > MAX_CHAINS:
        raise RecipeError(f"recipe {name}: {len(chains)} combinations of settings; at most {MAX_CHAINS} are searched")
    return Recipe(name, tuple(chains), budget, seed)


def _stages(document: Mapping[str, Any], name: str) -> tuple[Stage, ...]:
    if {"steps", "alternatives"} & set(document):
        raise RecipeError(f"recipe {name}: give 'stages' alone, without 'steps' or 'alternatives'")

    def choices(step: Any) -> Steps:
        return tuple(config for (config,) in _chains([step], name))

    return stages_from_json(document["stages"], choices, f"recipe {name}")


def _coders(document: Mapping[str, Any], where: str) -> tuple[str, ...]:
    coders = document.get("coders", [])
    if not isinstance(coders, list) or not set(map(str, coders)) <= set(CODERS):
        raise RecipeError(f"{where}: 'coders' must be a list of {', '.join(CODERS)}, not {coders!r}")
    return tuple(coders)


def _flag(document: Mapping[str, Any], field: str, where: str) -> bool:
    flag = document.get(field, False)
    if not isinstance(flag, bool):
        raise RecipeError(f"{where}: '{field}' is {flag!r}, not true or false")
    return flag


def _seed(document: Mapping[str, Any], where: str) -> int | None:
    seed = document.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
        raise RecipeError(f"{where}: seed is {seed!r}, not a whole number of at least 0")
    return seed


def _alternatives(document: Mapping[str, Any], name: str) -> list[list[Any]]:
    """Return the lists of steps among which every layer may choose."""
    if ("steps" in document) == ("alternatives" in document):
        raise RecipeError(f"recipe {name}: give either 'steps' or 'alternatives'")
    alternatives = document.get("alternatives", [document.get("steps")])
    if not isinstance(alternatives, list) or not all(isinstance(steps, list) and steps for steps in alternatives):
        raise RecipeError(f"recipe {name}: steps must be a list with at least one step")
    if not alternatives:
        raise RecipeError(f"recipe {name}: 'alternatives' is empty: it must hold at least one list of steps")
    return alternatives


def _chains(steps: Sequence[Any], name: str) -> list[Steps]:
    """Return one chain for every combination of the settings of `steps`."""
    listed = [len(value) for step in steps for value in _step(step).values() if isinstance(value, list)]
    count = math.prod(listed)
    if not count:
        raise RecipeError(f"recipe {name}: a setting has an empty list of values to choose from")
    if count > MAX_CHAINS:
        raise RecipeError(f"recipe {name}: {count} combinations of settings; at most {MAX_CHAINS} are searched")
    return list(itertools.product(*(_choices(step) for step in steps)))


def _step(step: Any) -> Mapping[str, Any]:
    if not isinstance(step, Mapping):
        raise RecipeError(f"a step is an object with a technique and settings, not {step!r}")
    return step


def _choices(step: Mapping[str, Any]) -> list[Any]:
    """Return one config for every combination of the step's listed settings."""
    names = list(step)
    values = [value if isinstance(value, list) else [value] for value in step.values()]
    return [config_from_json(dict(zip(names, picked, strict=True))) for picked in itertools.product(*values)]
