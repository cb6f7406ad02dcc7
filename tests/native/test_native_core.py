"""The native core alone: strict C99, freestanding, and its own tests under the address and undefined sanitizers."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"
SOURCES = sorted((NATIVE / "src").rglob("*.c"))
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", f"-I{NATIVE / 'include'}"]
TESTS = sorted((NATIVE / "tests").glob("*.c"))
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")


def _run(*command, cwd):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("choice", ["-DATTAR_PORTABLE", "-UATTAR_PORTABLE"])
def test_sources_compile_freestanding(tmp_path, choice):
    for index, source in enumerate(SOURCES):
        _run(COMPILER, *STRICT, choice, "-O2", "-ffreestanding", "-c", source, "-o", f"{index}.o", cwd=tmp_path)


def test_sources_call_nothing_from_outside():
    text = "".join(path.read_text() for path in [*SOURCES, *(NATIVE / "src").rglob("*.h")])
    assert not [name for name in ("malloc", "free(", "stdio", "stdlib", "string.h", "math.h") if name in text]


def test_cmake_lists_every_source():
    listed = (NATIVE / "CMakeLists.txt").read_text()
    assert [path.name for path in SOURCES if str(path.relative_to(NATIVE)) not in listed] == []


def test_cmake_lists_every_test():
    (names,) = re.findall(r"foreach\(test (.*)\)", (NATIVE / "CMakeLists.txt").read_text())
    assert sorted(names.split()) == [path.stem.removeprefix("test_") for path in TESTS]


@pytest.fixture(scope="module")
def sanitizers(tmp_path_factory):
    """The flags of the sanitizers; none for a compiler without their libraries, which still runs the tests."""
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.c").write_text("int main(void) { return 0; }\n")
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    done = subprocess.run([COMPILER, *flags, "probe.c"], cwd=folder, capture_output=True, check=False)
    return [] if done.returncode else flags


@pytest.fixture(scope="module")
def core(sanitizers, tmp_path_factory):
    """The core's objects, compiled once for all tests."""
    folder = tmp_path_factory.mktemp("core")
    for index, source in enumerate(SOURCES):
        _run(COMPILER, *STRICT, "-O1", "-g", *sanitizers, "-c", source, "-o", f"{index}.o", cwd=folder)
    return sorted(folder.glob("*.o"))


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.stem)
def test_c_tests_pass_under_sanitizers(test, core, sanitizers, tmp_path):
    _run(COMPILER, *STRICT, "-O1", "-g", *sanitizers, test, *core, "-o", tmp_path / test.stem, cwd=tmp_path)
    assert _run(tmp_path / test.stem, cwd=tmp_path) == "ok\n"
