"""Functions of one number, in float64, as ONNX defines them: what the entries of a table are made from."""

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.maximum(x, -700)))  # exp(700) is near the largest float64


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def error_function(x: np.ndarray) -> np.ndarray:
    return np.array([math.erf(each) for each in np.ravel(x)]).reshape(np.shape(x))


def _gelu(x: np.ndarray, node: ir.Node) -> np.ndarray:
    if node.attributes.get_string("approximate", "none") == "tanh":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x / 2 * (1 + error_function(x / math.sqrt(2)))


def _elu(x: np.ndarray, node: ir.Node) -> np.ndarray:
    return np.where(x < 0, node.attributes.get_float("alpha", 1.0) * np.expm1(np.minimum(x, 0)), x)


def _selu(x: np.ndarray, node: ir.Node) -> np.ndarray:
    alpha, gamma = node.attributes.get_float("alpha", SELU_ALPHA), node.attributes.get_float("gamma", SELU_GAMMA)
    return gamma * np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x)


def _celu(x: np.ndarray, node: ir.Node) -> np.ndarray:
    alpha = node.attributes.get_float("alpha", 1.0)
    return np.where(x < 0, alpha * np.expm1(np.minimum(x, 0) / alpha), x)


def _leaky(x: np.ndarray, node: ir.Node) -> np.ndarray:
    return np.where(x < 0, node.attributes.get_float("alpha", 0.01) * x, x)


def _hard_sigmoid(x: np.ndarray, node: ir.Node) -> np.ndarray:
    return np.clip(node.attributes.get_float("alpha", 0.2) * x + node.attributes.get_float("beta", 0.5), 0, 1)


FUNCTIONS: dict[str, Callable[[np.ndarray, ir.Node], np.ndarray]] = {
    "Abs": lambda x, _: np.abs(x),
    "Celu": _celu,
    "Elu": _elu,
    "Erf": lambda x, _: error_function(x),
    "Exp": lambda x, _: np.exp(x),
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda x, _: x * np.clip(x / 6 + 0.5, 0, 1),
    "LeakyRelu": _leaky,
    "Mish": lambda x, _: x * np.tanh(softplus(x)),
    "Neg": lambda x, _: -x,
    "Selu": _selu,
    "Sigmoid": lambda x, _: sigmoid(x),
    "Softplus": lambda x, _: softplus(x),
    "Softsign": lambda x, _: x / (1 + np.abs(x)),
    "Sqrt": lambda x, _: np.sqrt(x),
    "Swish": lambda x, node: x * sigmoid(node.attributes.get_float("alpha", 1.0) * x),
    "Tanh": lambda x, _: np.tanh(x),
}
