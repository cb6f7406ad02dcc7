"""The native core alone: calls nothing, is listed, and passes its own tests under the sanitizers."""

import re
import subprocess

import pytest

from .building import COMPILER, NATIVE, SOURCES, STRICT, run

TESTS = sorted((NATIVE / "tests").glob("*.c"))

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")


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
    flags = ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"]
    done = subprocess.run([COMPILER, *flags, "probe.c"], cwd=folder, capture_output=True, check=False)
    return [] if done.returncode else flags


@pytest.fixture(scope="module")
def core(sanitizers, tmp_path_factory):
    """The core's objects, compiled once for all tests."""
    folder = tmp_path_factory.mktemp("core")
    for index, source in enumerate(SOURCES):
        run(COMPILER, *STRICT, "-O1", "-g", *sanitizers, "-c", source, "-o", f"{index}.o", cwd=folder)
    return sorted(folder.glob("*.o"))


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.stem)
def test_c_tests_pass_under_sanitizers(test, core, sanitizers, tmp_path):
    run(COMPILER, *STRICT, "-O1", "-g", *sanitizers, test, *core, "-o", tmp_path / test.stem, cwd=tmp_path)
    assert run(tmp_path / test.stem, cwd=tmp_path) == "ok\n"
