"""Whether two programs are the same, field by field."""

from dataclasses import fields, is_dataclass, replace

import numpy as np

from attar.numerics.formats import Format
from attar.runtime.integer import Program
from attar.runtime.integer.program import Clamped, Operator, Pad, Table


def without_signs(program: Program) -> Program:
    """Return the program that computes the same numbers in integers which all begin at 0, as `to_qdq` writes them."""
    tensors = {
        name: replace(tensor, format=Format(form.bits, False, form.scale, form.zero - form.low))
        for name, tensor in program.tensors.items()
        for form in [tensor.format]
    }
    operators = tuple(_moved(each, program.tensors[each.output].format.low) for each in program.operators)
    return Program(tensors, operators, program.inputs, program.outputs)


def _moved(operator: Operator, least: int) -> Operator:
    """Return an operator whose output's least integer becomes 0."""
    if isinstance(operator, Clamped):
        return replace(operator, low=operator.low - least, high=operator.high - least)
    if isinstance(operator, Table):
        return replace(operator, table=(operator.table.astype(int) - least).astype(np.uint16))
    return replace(operator, value=operator.value - least) if isinstance(operator, Pad) else operator


def assert_same_program(one: Program, two: Program, *, but: tuple[str, ...] = ()) -> None:
    """Compare tensors, operators and all that they hold; fields named in `but` may differ."""
    assert (one.inputs, one.outputs) == (two.inputs, two.outputs)
    assert list(one.tensors.items()) == list(two.tensors.items())
    assert len(one.operators) == len(two.operators)
    for left, right in zip(one.operators, two.operators, strict=True):
        _assert_same(left.output, left, right, but)


def _assert_same(name: str, left: object, right: object, but: tuple[str, ...]) -> None:
    assert type(left) is type(right), name
    if is_dataclass(left):
        for field in fields(left):
            if field.name not in but:
                _assert_same(f"{name}.{field.name}", getattr(left, field.name), getattr(right, field.name), but)
    elif isinstance(left, tuple):
        assert len(left) == len(right), name
        for number, pair in enumerate(zip(left, right, strict=True)):
            _assert_same(f"{name}[{number}]", *pair, but)
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype, name
        np.testing.assert_array_equal(left, right, err_msg=name)
    else:
        assert left == right, name
