"""What the last bits of sums depend on beside the numbers: which kernels of BLAS run, and on which processor.

Sums of floats decide which integer a weight becomes, and their order is not the same in all kernels: a run gives the
same bytes again where this is the same.
"""

from typing import Any

import numpy as np
import scipy.linalg  # noqa: F401 - it brings a BLAS of its own, which has to be there to be asked
from threadpoolctl import threadpool_info


def arithmetic() -> dict[str, Any]:
    """Return the kernels of every BLAS with their versions, and the vector instructions that numpy found."""
    blas = {
        f"{each['internal_api']} {each['version']} {each.get('architecture', '')}".rstrip()
        for each in threadpool_info()
        if each["user_api"] == "blas"
    }
    return {"blas": sorted(blas), "simd": np.show_config(mode="dicts")["SIMD Extensions"]["found"]}
