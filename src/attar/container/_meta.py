"""JSON of the meta and provenance chunks: deterministic going out, strict coming in."""

import json
from typing import TYPE_CHECKING, Any

from ..errors import FormatError, ModelError
from ._deflate import deflate, inflate
from ._layout import MAX_RAW_BYTES, Kind, chunk_name

if TYPE_CHECKING:
    import onnx_ir as ir

KEYS = ("preprocessing", "class_names")  # what a model's metadata_props may hold too
FUNCTIONS = ("Softmax", "LogSoftmax")
MOST_AXES = 16


def dumps(value: Any) -> str:
    """Return `value` as JSON in one fixed spelling: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def pack(kind: Kind, content: dict[str, Any]) -> bytes:
    """Return the payload of the meta or provenance chunk.

    Raises:
        ModelError: a value that JSON cannot hold, or more than the chunk's cap.
    """
    try:
        raw = dumps(content).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"{chunk_name(kind)} cannot be written as JSON: {error}") from error
    if len(raw) > MAX_RAW_BYTES[kind]:
        raise ModelError(f"{chunk_name(kind)}: {len(raw)} bytes of JSON, the limit is {MAX_RAW_BYTES[kind]}")
    return deflate(raw)


def parse(kind: Kind, payload: memoryview) -> dict[str, Any]:
    """Return the JSON object of a meta or provenance chunk.

    Raises:
        FormatError: damaged DEFLATE data, or not a JSON object.
    """
    what = f"{chunk_name(kind)} chunk"
    raw = inflate(payload, what=what, max_bytes=MAX_RAW_BYTES[kind])
    try:
        content = _loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what}: not JSON in UTF-8") from error
    if not isinstance(content, dict):
        raise FormatError(f"{what}: a JSON {type(content).__name__}, not an object")
    return content


def check(content: dict[str, Any], *, error: type[Exception] = FormatError) -> None:
    """Raise `error` if a known key of the meta chunk holds another type than it should."""
    preprocessing, names = (content.get(key) for key in KEYS)
    if preprocessing is not None and not isinstance(preprocessing, dict):
        raise error(f"meta: preprocessing is of type {type(preprocessing).__name__}, not an object")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise error("meta: class_names is not a list of strings")
    outputs = content.get("outputs")
    if outputs is not None and not (isinstance(outputs, list) and all(map(_is_output, outputs)) and _distinct(outputs)):
        raise error("meta: outputs is not a list of what a program's outputs become, each of a name of its own")


def _is_output(each: Any) -> bool:
    """Whether `each` names an output of the network and one of the program, and maybe a function over axes."""
    if not isinstance(each, dict) or not all(isinstance(each.get(key), str) for key in ("name", "from")):
        return False
    if "function" not in each:
        return "axes" not in each
    axes = each.get("axes")
    are_two = isinstance(axes, list) and len(axes) == 2 and all(type(axis) is int for axis in axes)
    return each["function"] in FUNCTIONS and are_two and 1 <= axes[0] <= axes[1] < MOST_AXES


def _distinct(outputs: list[dict[str, Any]]) -> bool:
    return len({each["name"] for each in outputs}) == len(outputs)


def of_model(model: "ir.Model") -> dict[str, Any]:
    """Return what the model's own metadata_props say about preprocessing and class names, where it is valid."""
    found: dict[str, Any] = {}
    for key in KEYS:
        content = {key: _loads_or_none(model.metadata_props.get(key, "null"))}
        if content[key] is not None and _valid(content):
            found |= content
    return found


def _valid(content: dict[str, Any]) -> bool:
    try:
        check(content)
    except FormatError:
        return False
    return True


def _loads(text: str) -> Any:
    content = json.loads(text, parse_constant=_refuse)
    dumps(content).encode()  # refuses 1e999 and "\ud800", which nobody could write again
    return content


def _loads_or_none(text: str) -> Any:
    try:
        return _loads(text)
    except (ValueError, RecursionError):
        return None  # somebody else's text under our key: it stays in the graph as it is


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
