"""Whether two programs are the same, field by field."""

from dataclasses import fields, is_dataclass

import numpy as np

from attar.runtime.integer import Program


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
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype, name
        np.testing.assert_array_equal(left, right, err_msg=name)
    else:
        assert left == right, name
