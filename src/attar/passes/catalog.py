"""The one table of techniques: a name, the config that asks for it, and the module that plans and applies it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import RecipeError
from .approximate import svd
from .prune import integers, magnitude
from .quantize import bias_correction, fixed_point, rate_distortion, uniform
from .settings import from_settings, to_settings
from .share import kmeans


@dataclass(frozen=True)
class Technique:
    """A technique: `plan(weights, config)` decides (None: nothing to do), `apply(weights, decision)` carries it out.

    A technique `of_layer` sees the layer as it was and as it is now, `plan(before, parts, config)`, and moves its bias.
    """

    name: str
    config: type
    plan: Callable[..., Any]
    apply: Callable[..., Any]
    doc: str
    of_layer: bool = False

    @property
    def summary(self) -> str:
        """The first sentence of the technique's page."""
        return self.doc.strip().splitlines()[0]


_OF_LAYER = (bias_correction,)
CATALOG: dict[str, Technique] = {
    name: Technique(name, config, module.plan, module.apply, module.__doc__ or "", module in _OF_LAYER)
    for name, config, module in (
        ("approximate.svd", svd.TruncatedSvd, svd),
        ("prune.magnitude", magnitude.Magnitude, magnitude),
        ("prune.integers", integers.Integers, integers),
        ("share.kmeans", kmeans.KMeans, kmeans),
        ("quantize.uniform", uniform.Uniform, uniform),
        ("quantize.fixed_point", fixed_point.FixedPoint, fixed_point),
        ("quantize.rate_distortion", rate_distortion.RateDistortion, rate_distortion),
        ("quantize.bias_correction", bias_correction.BiasCorrection, bias_correction),
    )
}
_BY_CONFIG = {technique.config: technique for technique in CATALOG.values()}


def technique_of(config: Any) -> Technique:
    """Return the technique that `config` asks for.

    Raises:
        RecipeError: no technique has a config of that type.
    """
    if type(config) not in _BY_CONFIG:
        raise RecipeError(f"no technique takes a config of type {type(config).__name__}")
    return _BY_CONFIG[type(config)]


def config_to_json(config: Any) -> dict[str, Any]:
    """Return {"technique": name, setting: value, ...}."""
    return {"technique": technique_of(config).name, **to_settings(config)}


def config_from_json(step: Mapping[str, Any]) -> Any:
    """Build the config that `config_to_json` wrote.

    Raises:
        RecipeError: an unknown technique or setting, or a value out of its limits.
    """
    settings = dict(step)
    name = settings.pop("technique", None)
    if not isinstance(name, str) or name not in CATALOG:
        raise RecipeError(f"unknown technique {name!r}; known: {', '.join(CATALOG)}")
    return from_settings(CATALOG[name].config, settings, where=name)
