"""What sums depend on is told as it is in this process, and another kernel of BLAS tells otherwise."""

import json
import os
import subprocess
import sys

import pytest

from attar.numerics.arithmetic import arithmetic

PRINTED = "import json; from attar.numerics.arithmetic import arithmetic; print(json.dumps(arithmetic()))"


def test_it_is_plain_data_that_stays_the_same():
    found = arithmetic()
    assert json.loads(json.dumps(found)) == found == arithmetic()
    assert found["blas"] and all(isinstance(word, str) for word in (*found["blas"], *found["simd"]))


@pytest.mark.skipif("openblas" not in str(arithmetic()["blas"]), reason="numpy has another BLAS")
def test_another_kernel_is_told(monkeypatch):
    ours = arithmetic()["blas"]
    other = "Nehalem" if not any("Nehalem" in blas for blas in ours) else "Haswell"
    done = subprocess.run(
        [sys.executable, "-c", PRINTED],
        env=os.environ | {"OPENBLAS_CORETYPE": other},
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout)["blas"]
    if theirs == ours:
        pytest.skip(f"this processor has no kernels called {other}")
    assert all(other in blas for blas in theirs if blas.startswith("openblas"))
