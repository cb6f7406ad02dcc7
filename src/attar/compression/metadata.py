"""Preprocessing and class names as they travel with a network: two entries of ONNX's metadata_props, as JSON."""

import json
from typing import Any

import onnx_ir as ir

from ..errors import ModelError


def read_metadata(model: ir.Model) -> tuple[dict[str, Any] | None, list[str] | None]:
    """Return preprocessing (a `preprocessor_config.json` object) and class names, None where the network has none.

    Raises:
        ModelError: an entry is there but not of its form.
    """
    preprocessing = _json(model, "preprocessing", dict)
    class_names = _json(model, "class_names", list)
    if class_names is not None and not all(isinstance(name, str) for name in class_names):
        raise ModelError("metadata 'class_names': not all of its items are strings")
    return preprocessing, class_names


def _json(model: ir.Model, key: str, kind: type) -> Any:
    text = model.metadata_props.get(key)
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"metadata '{key}': not JSON: {error}") from error
    if not isinstance(value, kind):
        raise ModelError(f"metadata '{key}': {type(value).__name__}, not {kind.__name__}")
    return value
