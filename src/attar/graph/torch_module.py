"""A torch module as an ONNX graph: the only file below `train` that may import torch, and only when asked to."""

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ..errors import ModelError, first_line
from .parameters import parameters_of


def export_module(module: Any, example_inputs: tuple | None) -> ir.Model:
    """Return `module` (in evaluation mode) as a model whose inputs keep a free batch axis.

    Raises:
        ModelError: `module` is not a torch module, example inputs are missing, or torch cannot export it.
    """
    try:
        import torch
    except ImportError as error:
        raise ModelError(
            f"a model must be a path, a ModelProto or an onnx_ir.Model, not {type(module).__name__}; "
            "torch modules need the extra: pip install 'attar[train]'"
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise ModelError(
            f"a model must be a path, a ModelProto, an onnx_ir.Model or a torch module, not {type(module).__name__}"
        )
    if not example_inputs:
        raise ModelError("a torch module needs example_inputs=(tensor, ...): its graph is traced with them")
    try:
        return _export(torch, module, tuple(example_inputs))
    except Exception as error:  # torch raises many types here; the cause is kept
        raise ModelError(f"torch cannot export {type(module).__name__}: {first_line(error)}") from error


def _export(torch: Any, module: Any, inputs: tuple) -> ir.Model:
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} if getattr(x, "ndim", 0) else None for x in inputs)
    # A batch of one would be taken for a constant by the tracer.
    inputs = tuple(x.repeat(2, *[1] * (x.ndim - 1)) if getattr(x, "ndim", 0) and len(x) == 1 else x for x in inputs)
    training = module.training
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(module.eval(), inputs, dynamic_shapes=shapes, dynamo=True, verbose=False)
    finally:
        module.train(training)
    return program.model


def state_of(module: Any, model: ir.Model, *, changed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return a state_dict for a torch module with the weights of a compressed graph of its own; `module` stays.

    Raises:
        ModelError: it is no torch module, or a compressed tensor is none of its parameters.
    """
    try:
        import torch
    except ImportError as error:
        raise ModelError("weights go back to torch modules with the extra: pip install 'attar[train]'") from error
    if not isinstance(module, torch.nn.Module):
        raise ModelError(f"weights go back to a torch module, not to {type(module).__name__}")
    state = {name: value.detach().cpu().numpy() for name, value in module.state_dict().items()}
    eps = {name: part.eps for name, part in module.named_modules() if getattr(part, "running_var", None) is not None}
    found = parameters_of(model, state, eps=eps, changed=changed)
    return {name: torch.from_numpy(np.array(values)) for name, values in found.items()}
