"""The native core alone: strict C99, freestanding, and its own tests under the address and undefined sanitizers."""

import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"
SOURCES = sorted((NATIVE / "src").rglob("*.c"))
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", f"-I{NATIVE / 'include'}"]
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")


def _run(*command, cwd):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sources_compile_freestanding(tmp_path):
    _run(COMPILER, *STRICT, "-O2", "-ffreestanding", "-nostdlib", "-c", *SOURCES, cwd=tmp_path)
    # Kernels share their name with the portable one, and so their object file here.
    assert {path.stem for path in tmp_path.glob("*.o")} == {path.stem for path in SOURCES}


def test_sources_call_nothing_from_outside():
    text = "".join(path.read_text() for path in [*SOURCES, *(NATIVE / "src").rglob("*.h")])
    assert not [name for name in ("malloc", "free(", "stdio", "stdlib", "string.h", "math.h") if name in text]


def test_cmake_lists_every_source():
    listed = (NATIVE / "CMakeLists.txt").read_text()
    assert [path.name for path in SOURCES if str(path.relative_to(NATIVE)) not in listed] == []


@pytest.mark.parametrize("test", sorted((NATIVE / "tests").glob("*.c")), ids=lambda path: path.stem)
def test_c_tests_pass_under_sanitizers(tmp_path, test):
    program = tmp_path / test.stem
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    probe = tmp_path / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    if subprocess.run([COMPILER, *sanitizers, probe], cwd=tmp_path, capture_output=True, check=False).returncode:
        sanitizers = []  # a compiler without the sanitizer libraries still runs the tests
    _run(COMPILER, *STRICT, "-O1", "-g", *sanitizers, test, *SOURCES, "-o", program, cwd=tmp_path)
    assert _run(program, cwd=tmp_path) == "ok\n"
