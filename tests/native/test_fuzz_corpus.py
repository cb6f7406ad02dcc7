"""The fuzz targets over their corpus, the golden payloads and a few thousand mutations of them, always the same ones.

`make fuzz` is the search for new inputs; these are the ones that it has found.
"""

import re
import subprocess
import sys

import pytest

from .building import COMPILER, NATIVE, run, tool

FUZZ = NATIVE / "fuzz"
TARGETS = sorted(path.stem for path in (FUZZ / "targets").glob("*.c"))
MUTATIONS = 4_000

pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine"),
    pytest.mark.skipif(not (tool("cmake") and tool("ninja")), reason="no cmake and ninja on this machine"),
]


def configure(folder, *settings):
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", f"-DCMAKE_C_COMPILER={COMPILER}"]
    run(tool("cmake"), "-S", NATIVE, "-B", folder, *generator, "-DCMAKE_C_FLAGS=-Werror", *settings, cwd=NATIVE)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the replay programs, whichever the compiler."""
    folder = tmp_path_factory.mktemp("fuzz")
    configure(folder, "-DATTAR_FUZZ=ON", "-DATTAR_HAS_LIBFUZZER=OFF")
    run(tool("cmake"), "--build", folder, cwd=folder)
    run(sys.executable, FUZZ / "seeds.py", folder / "seeds", cwd=folder)
    return folder


def test_every_decoder_has_a_target_and_every_target_a_line():
    header = "".join((NATIVE / "include" / "attar" / name).read_text() for name in ("codec.h", "levels.h"))
    assert set(re.findall(r"attar_(\w+)_decode\(", header)) <= set(TARGETS)
    listed = (FUZZ / "CMakeLists.txt").read_text().split("set(ATTAR_FUZZ_TARGETS")[1].split(")")[0]
    assert sorted(listed.split()) == TARGETS
    assert {path.name for path in (FUZZ / "corpus").iterdir()} == set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_finds_nothing_in_what_is_known(built, target):
    folders = [FUZZ / "corpus" / target, built / "seeds" / target]
    known = [folder for folder in folders if folder.is_dir()]  # a round trip has no golden payload
    said = run(built / "fuzz" / f"fuzz_{target}", f"-mutations={MUTATIONS}", *known, cwd=built, timeout=60)
    assert re.fullmatch(rf"\d\d+ files and {MUTATIONS} mutations\n", said)


def test_a_complaint_keeps_its_input(tmp_path):
    """A replay that can't fail would prove nothing: a target that refuses everything has to."""
    target = tmp_path / "always.c"
    target.write_text(
        '#include "fuzz.h"\n'
        "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n"
        "{ (void)data; FUZZ_CHECK(size < 3); return 0; }\n"
    )
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "input").write_bytes(b"bad")
    includes = [f"-I{FUZZ}", f"-I{NATIVE / 'include'}"]
    run(COMPILER, *includes, target, FUZZ / "fuzz.c", FUZZ / "replay.c", "-o", tmp_path / "always", cwd=tmp_path)
    done = subprocess.run([tmp_path / "always", folder], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "size < 3" in done.stderr
    assert (tmp_path / "crash").read_bytes() == b"bad"
