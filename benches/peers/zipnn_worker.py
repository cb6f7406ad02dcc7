"""Compress floating point arrays with zipnn, lossless, one thread, its default method (Huffman over byte groups).

A uint16 array whose name ends in ":bf16" holds bfloat16. Bytes count zipnn's header of 32.
"""

from typing import Any

import numpy as np
from worker import round_trip, serve
from zipnn import ZipNN

BFLOAT16 = ":bf16"


def measure(name: str, tensor: np.ndarray) -> dict[str, Any]:
    """Return the report on one tensor of float32, float16, or bfloat16 held as uint16."""
    dtype = dtype_of(name, tensor)
    coder = ZipNN(input_format="byte", bytearray_dtype=dtype, threads=1)
    raw = np.ascontiguousarray(tensor).tobytes()

    def fresh() -> np.ndarray:
        return np.frombuffer(raw, dtype=np.uint8).copy()  # zipnn moves sign bits inside its input

    def decode(payload: bytes) -> np.ndarray:
        return np.frombuffer(coder.decompress(payload), dtype=np.uint8)

    return round_trip(name, tensor.size, fresh, lambda given: coder.compress(given.data), decode)


def dtype_of(name: str, tensor: np.ndarray) -> str:
    dtype = "bfloat16" if name.endswith(BFLOAT16) and tensor.dtype == np.uint16 else tensor.dtype.name
    if dtype not in ("float32", "float16", "bfloat16"):
        raise SystemExit(f"{name}: zipnn is measured on float32, float16 and bfloat16, not on {dtype}")
    return dtype


if __name__ == "__main__":
    serve(measure)
