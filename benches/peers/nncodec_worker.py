"""Code given integers with NNCodec's arithmetic coder (DeepCABAC, ISO/IEC 15938-17) and nothing else of it.

The settings are those of `nncodec.nn.encode`, less what would change the integers: no dependent quantization, no
rate-distortion choice. Bytes are the coder's stream alone. The file of the public call holds this very stream, with one
byte of qp in front, and about 37 bytes of headers a tensor: both are left out here.
"""

from typing import Any

import numpy as np
from nncodec.extensions import deepCABAC
from worker import round_trip, serve

UNARY_LENGTH = 10 + 1  # cabac_unary_length_minus1 = 10
UNIFORM = 0  # dq_flag: plain integers, no trellis
ROW_BY_ROW = 0  # scan_order
EDITION_2 = 1  # general_profile_idc: what allows row skipping
NO_PARENT = 0
PARAM_OPT = ROW_SKIPPING = 1
NO_HISTORY = (deepCABAC.HdspMode.AlwaysOff, np.zeros(2, dtype=np.int8))
NO_CODEBOOK = (0, 0)


def measure(name: str, tensor: np.ndarray) -> dict[str, Any]:
    """Return the report on one tensor of integers of any rank; the rows are those of its first axis."""
    values = np.ascontiguousarray(tensor, dtype=np.int32)
    return round_trip(name, values.size, lambda: values, encode, lambda payload: decode(payload, values.shape))


def encode(values: np.ndarray) -> np.ndarray:
    encoder = deepCABAC.Encoder()
    encoder.initCtxModels(UNARY_LENGTH, PARAM_OPT)
    shared = (UNIFORM, ROW_BY_ROW, EDITION_2, NO_PARENT)
    encoder.encodeLayer(values, *shared, ROW_SKIPPING, empty_rows(values), *NO_HISTORY, *NO_CODEBOOK)
    return encoder.finish()


def decode(payload: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    values = np.zeros(shape, dtype=np.int32)
    decoder = deepCABAC.Decoder()
    decoder.setStream(payload)
    decoder.initCtxModels(UNARY_LENGTH)
    decoder.decodeLayer(values, UNIFORM, ROW_BY_ROW, EDITION_2, NO_PARENT, *NO_HISTORY, *NO_CODEBOOK)
    decoder.finish()
    return values


def empty_rows(values: np.ndarray) -> np.ndarray:
    """Return 1 for every row that holds only zeros; NNCodec's Python finds them in the same place, one by one."""
    if values.ndim < 2:
        return np.zeros(len(values), dtype=np.int32)
    return (~values.reshape(len(values), -1).any(axis=1)).astype(np.int32)


if __name__ == "__main__":
    serve(measure)
