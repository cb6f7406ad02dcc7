"""Small networks with the kinds of layers that matter, and samples for them."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

FASHION = Path(__file__).parents[2] / "examples" / "fashion"
CLASSES = 4
BITS = {"version": 1, "name": "bits", "steps": [{"technique": "quantize.uniform", "bits": [2, 3, 4, 5, 6, 8]}]}
SIDE = 8


def classifier(*, seed=0, hidden=24):
    """Conv, Relu, Gemm, Relu, Gemm: (batch, 1, 8, 8) pixels to the confident scores of four classes."""
    net = model(
        """
        <ir_version: 10, opset_import: ["" : 21]>
        classifier (float[batch, 1, 8, 8] image) => (float[batch, 4] scores) {
            c = Conv <kernel_shape = [3, 3]> (image, conv_weight, conv_bias)
            r = Relu (c)
            flat = Flatten (r)
            h = Gemm <transB = 1> (flat, fc1_weight, fc1_bias)
            features = Relu (h)
            scores = Gemm <transB = 1> (features, fc2_weight, fc2_bias)
        }
        """,
        {
            "conv_weight": (6, 1, 3, 3),
            "conv_bias": (6,),
            "fc1_weight": (hidden, 216),
            "fc1_bias": (hidden,),
            "fc2_weight": (CLASSES, hidden),
            "fc2_bias": (CLASSES,),
        },
        seed=seed,
    )
    last = next(tensor for tensor in net.graph.initializer if tensor.name == "fc2_weight")
    last.CopyFrom(numpy_helper.from_array(20 * numpy_helper.to_array(last), "fc2_weight"))
    return net


def regressor(*, seed=0):
    """Two MatMuls without classes: (batch, 6) to (batch, 1)."""
    return model(
        """
        <ir_version: 10, opset_import: ["" : 21]>
        regressor (float[batch, 6] x) => (float[batch, 1] y) {
            h = MatMul (x, inner)
            r = Tanh (h)
            y = MatMul (r, outer)
        }
        """,
        {"inner": (6, 32), "outer": (32, 1)},
        seed=seed,
    )


def with_unknown_operators(*, seed=0):
    """Conv, Gemm and LSTM among Resize and NonMaxSuppression, which attar has no technique for."""
    net = model(
        """
        <ir_version: 10, opset_import: ["" : 21]>
        mixed (float[1, 1, 8, 8] image) => (float[1, 4] scores, int64[n, 3] picked, float[1, 1, 8, 8] large) {
            c = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (image, conv_weight, conv_bias)
            r = Relu (c)
            large = Resize <mode = "nearest"> (image, , scales)
            steps = Reshape (r, steps_shape)
            seen, last, cell = LSTM <hidden_size = 5> (steps, lstm_w, lstm_r, lstm_b)
            flat = Reshape (last, flat_shape)
            scores = Gemm <transB = 1> (flat, fc_weight, fc_bias)
            boxes = Reshape (scores, boxes_shape)
            confidence = ReduceMax <keepdims = 1> (boxes)
            picked = NonMaxSuppression (boxes, confidence, limit)
        }
        """,
        {
            "conv_weight": (6, 1, 3, 3),
            "conv_bias": (6,),
            "lstm_w": (1, 20, 64),
            "lstm_r": (1, 20, 5),
            "lstm_b": (1, 40),
            "fc_weight": (4, 5),
            "fc_bias": (4,),
        },
        seed=seed,
    )
    constants = {
        "scales": np.array([1, 1, 1, 1], np.float32),
        "steps_shape": np.array([6, 1, 64]),
        "flat_shape": np.array([1, 5]),
        "boxes_shape": np.array([1, 1, 4]),
        "limit": np.array([1]),
    }
    net.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    return net


def model(text, shapes, *, seed):
    """Parse a graph and give it random weights, scaled so that activations neither vanish nor explode."""
    rng = np.random.default_rng(seed)
    net = onnx.parser.parse_model(text)
    for name, shape in shapes.items():
        fan_in = np.prod(shape[1:]) if len(shape) > 1 else 100
        values = rng.standard_t(4, size=shape) / np.sqrt(fan_in)
        net.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    return net


def images(count=200, *, seed=1):
    """Random (count, 1, 8, 8) images."""
    return np.random.default_rng(seed).normal(size=(count, 1, SIDE, SIDE)).astype(np.float32)


def run(network, **inputs):
    """Run a ModelProto or its bytes in onnxruntime, without attar."""
    import onnxruntime as ort

    data = network if isinstance(network, bytes) else network.SerializeToString()
    return ort.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, inputs)


def labelled(network, count=200, *, seed=1, wrong=0.1):
    """Images with the labels that `network` gives them, some of them changed at random."""
    x = images(count, seed=seed)
    labels = run(network, image=x)[0].argmax(axis=1)
    rng = np.random.default_rng(seed)
    return x, np.where(rng.random(count) < wrong, rng.integers(0, CLASSES, count), labels)


def weights(network):
    """Initializers of a ModelProto as arrays."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in network.graph.initializer}


def write(path, network):
    """Save a ModelProto and return the path."""
    onnx.save(network, path)
    return path
