"""Every technique of the catalog with settings from its own declaration: a new one is covered without being named."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, get_type_hints

from attar.passes.catalog import CATALOG, Technique
from attar.passes.quantize.uniform import Uniform
from attar.passes.settings import choices_of


def configs_of(technique: Technique) -> Iterator[Any]:
    """Yield the default config, then one for every limit, middle and choice of every field."""
    yield technique.config()
    hints = get_type_hints(technique.config)
    for field in dataclasses.fields(technique.config):
        for value in _values(hints[field.name], field):
            yield dataclasses.replace(technique.config(), **{field.name: value})


def steps_of(config: Any, technique: Technique) -> tuple[Any, ...]:
    """Return a chain with `config` in it; a technique of the whole layer needs a change to look back at."""
    return (Uniform(bits=3), config) if technique.of_layer else (config,)


def _values(annotation: Any, field: dataclasses.Field) -> list[Any]:
    choices = choices_of(annotation)
    if choices:
        return [choice() for choice in choices.values()]
    low, high = field.metadata["low"], field.metadata["high"]
    whole = "int" in str(annotation)
    middles = [min(low + 2, high), (low + min(high, 16)) // 2] if whole else [low + (min(high, 2.0) - low) / 2]
    return list(dict.fromkeys(itertools.chain([low, high], middles)))


EVERY_CONFIG = [
    (name, config) for name, technique in CATALOG.items() for config in dict.fromkeys(configs_of(technique))
]
