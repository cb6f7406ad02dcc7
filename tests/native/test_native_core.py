"""The native core alone: calls nothing, is listed, and passes its own tests under the sanitizers."""

import subprocess

import pytest

from .building import COMPILER, NATIVE, SOURCES, STRICT, run

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")


def test_sources_call_nothing_from_outside():
    text = "".join(path.read_text() for path in [*SOURCES, *(NATIVE / "src").rglob("*.h")])
    assert not [name for name in ("malloc", "free(", "stdio", "stdlib", "string.h", "math.h") if name in text]


def test_cmake_lists_every_source():
    listed = (NATIVE / "CMakeLists.txt").read_text()
    assert [path.name for path in SOURCES if str(path.relative_to(NATIVE)) not in listed] == []


def test_c_tests_pass_under_sanitizers(tmp_path):
    program = tmp_path / "test_codec"
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    test = NATIVE / "tests" / "test_codec.c"
    probe = tmp_path / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    if subprocess.run([COMPILER, *sanitizers, probe], cwd=tmp_path, capture_output=True, check=False).returncode:
        sanitizers = []  # a compiler without the sanitizer libraries still runs the tests
    run(COMPILER, *STRICT, "-O1", "-g", *sanitizers, test, *SOURCES, "-o", program, cwd=tmp_path)
    assert run(program, cwd=tmp_path) == "ok\n"
