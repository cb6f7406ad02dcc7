"""Configs to JSON and back, with every value checked against the limits its field declares."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from ..errors import RecipeError


def limits(low: float, high: float) -> Mapping[str, float]:
    """Field metadata: the closed range that a number must lie in."""
    return {"low": low, "high": high}


def word_of(choice: type) -> str:
    """Return the word that stands for a choice in JSON: PerTensor -> per_tensor."""
    name = choice.__name__
    return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


def to_settings(config: Any) -> dict[str, Any]:
    """Return the config's fields as plain JSON values."""
    return {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config)}


def from_settings(config_type: type, settings: Mapping[str, Any], *, where: str) -> Any:
    """Build a config from JSON values.

    Raises:
        RecipeError: an unknown setting, a value of another type or out of its limits; `where` names the step.
    """
    fields = {f.name: f for f in dataclasses.fields(config_type)}
    hints = get_type_hints(config_type)
    unknown = sorted(set(settings) - set(fields))
    if unknown:
        raise RecipeError(f"{where}: unknown setting '{unknown[0]}'; known: {', '.join(fields)}")
    values = {name: _value(settings[name], hints[name], fields[name], f"{where}.{name}") for name in settings}
    return config_type(**values)


def choices_of(annotation: Any) -> dict[str, type]:
    """Return the words and types among which a field of this annotation chooses; empty for numbers."""
    members = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return {word_of(member): member for member in members if dataclasses.is_dataclass(member)}


def describe_field(config_type: type, field: dataclasses.Field) -> str:
    """Return one line about a setting: the words or the range it takes, and its default."""
    choices = choices_of(get_type_hints(config_type)[field.name])
    default = _plain(field.default)
    if choices:
        return f"{' | '.join(choices)} (default {default})"
    return f"{field.metadata['low']} to {field.metadata['high']} (default {'not set' if default is None else default})"


def _plain(value: Any) -> Any:
    if not dataclasses.is_dataclass(value):
        return value
    settings = to_settings(value)
    return {word_of(type(value)): settings} if settings else word_of(type(value))


def _value(given: Any, annotation: Any, field: dataclasses.Field, where: str) -> Any:
    choices = choices_of(annotation)
    if choices:
        return _choice(given, choices, where)
    if given is None and type(None) in get_args(annotation):
        return None
    wanted = int if annotation is int or int in get_args(annotation) else float
    if isinstance(given, bool) or not isinstance(given, (int, float)) or (wanted is int and given % 1 != 0):
        raise RecipeError(f"{where} is {given!r}, not {'a whole number' if wanted is int else 'a number'}")
    low, high = field.metadata["low"], field.metadata["high"]
    if not low <= given <= high:
        raise RecipeError(f"{where} is {given}, outside {low} to {high}")
    return wanted(given)


def _choice(given: Any, choices: dict[str, type], where: str) -> Any:
    if isinstance(given, Mapping) and len(given) == 1:
        word, settings = next(iter(given.items()))
    else:
        word, settings = given, {}
    if not isinstance(word, str) or word not in choices:
        raise RecipeError(f"{where} is {given!r}, not one of {', '.join(choices)}")
    if not isinstance(settings, Mapping) or not all(isinstance(v, int) and v >= 0 for v in settings.values()):
        raise RecipeError(f"{where}.{word} has settings that are not whole numbers from 0 up")
    try:
        return choices[word](**settings)
    except TypeError as error:
        raise RecipeError(f"{where}.{word}: {error}") from error
