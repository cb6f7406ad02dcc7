"""A memory plan as a JSON document, and back: what a file says is hostile until it has been held against a network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import PlanError
from .arena import ArenaPlan
from .buffers import MAX_BITS, Buffer

KIND, VERSION = "attar memory plan", 1
MAX_BYTES = 1 << 50  # of an arena: beyond any machine, and sums of it still exact
MAX_TENSORS = 100_000


@dataclass(frozen=True)
class Saved:
    """A plan and what it is for: bits of one number by tensor, the views of tensors, and the shapes of the inputs."""

    plan: ArenaPlan
    bits: Mapping[str, int]
    views: Mapping[str, str]
    inputs: Mapping[str, tuple[int, ...]]


def to_json(saved: Saved) -> dict[str, Any]:
    """Return the document that `from_json` reads."""
    plan = saved.plan
    return {
        "kind": KIND,
        "version": VERSION,
        "arena_bytes": plan.arena_bytes,
        "lower_bound_bytes": plan.lower_bound_bytes,
        "alignment": plan.alignment,
        "order_is_proven": plan.order_is_proven,
        "inputs": {name: list(shape) for name, shape in saved.inputs.items()},
        "order": list(plan.order),
        "tensors": [
            {
                "name": buffer.name,
                "offset": buffer.offset,
                "size_bytes": buffer.size_bytes,
                "bits": saved.bits[buffer.name],
                "first": buffer.first,
                "last": buffer.last,
            }
            for buffer in plan.buffers
        ],
        "views": dict(saved.views),
    }


def from_json(document: Any) -> Saved:
    """Return the plan of a document; whether it is right for a network is for `arena.check` to say.

    Raises:
        PlanError: it is not a memory plan of this version, or one of its fields is missing, strange or out of range.
    """
    if not isinstance(document, Mapping) or document.get("kind") != KIND:
        raise PlanError(f"not a memory plan: the field 'kind' is not '{KIND}'")
    if document.get("version") != VERSION:
        raise PlanError(
            f"a memory plan of version {_told(document.get('version'))}; this attar reads version {VERSION}"
        )
    tensors = _list(document, "tensors")
    if not all(isinstance(entry, Mapping) for entry in tensors):
        raise PlanError("the field 'tensors' of a memory plan is a list of objects")
    plan = ArenaPlan(
        tuple(_text(name, "an operator of 'order'") for name in _list(document, "order")),
        tuple(_buffer(entry) for entry in tensors),
        _number(document, "arena_bytes"),
        _number(document, "lower_bound_bytes"),
        _number(document, "alignment", least=1),
        _flag(document, "order_is_proven"),
    )
    bits = {buffer.name: _number(e, "bits", 1, MAX_BITS) for buffer, e in zip(plan.buffers, tensors, strict=True)}
    views = {name: _text(of, "a tensor of 'views'") for name, of in _object(document, "views").items()}
    return Saved(plan, bits, views, {name: _shape(shape) for name, shape in _object(document, "inputs").items()})


def _buffer(entry: Mapping[str, Any]) -> Buffer:
    name = _text(entry.get("name"), "the name of a tensor")
    size, first, last, offset = (_number(entry, field) for field in ("size_bytes", "first", "last", "offset"))
    return Buffer(name, size, first, last, offset)


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > MAX_BITS:
        raise PlanError("an input of a memory plan has a shape that is not a list of numbers")
    return tuple(_number({"extent": extent}, "extent", least=1) for extent in value)


def _number(document: Mapping[str, Any], field: str, least: int = 0, most: int = MAX_BYTES) -> int:
    value = document.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise PlanError(f"'{field}' in a memory plan is a whole number of {least} to {most:,}, not {_told(value)}")
    return value


def _flag(document: Mapping[str, Any], field: str) -> bool:
    """Return a field that older documents don't have: they claim nothing."""
    value = document.get(field, False)
    if not isinstance(value, bool):
        raise PlanError(f"'{field}' in a memory plan is true or false, not {_told(value)}")
    return value


def _told(value: Any) -> str:
    return repr(value)[:40] if isinstance(value, (int, float, str)) else type(value).__name__


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        told = "one of unprintable characters" if isinstance(value, str) else type(value).__name__
        raise PlanError(f"{what} in a memory plan is a name, not {told}")
    return value


def _list(document: Mapping[str, Any], field: str) -> list[Any]:
    value = document.get(field)
    if not isinstance(value, list) or len(value) > MAX_TENSORS:
        raise PlanError(f"the field '{field}' of a memory plan is a list of at most {MAX_TENSORS:,}")
    return value


def _object(document: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = document.get(field)
    if not isinstance(value, Mapping) or len(value) > MAX_TENSORS:
        raise PlanError(f"the field '{field}' of a memory plan is an object of at most {MAX_TENSORS:,}")
    return value
