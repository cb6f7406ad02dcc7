"""The core with no C library below it: strict C99 on every compiler at hand, linked bare, run on the bare system."""

import platform
import shutil

import pytest

from .building import NATIVE, SOURCES, STRICT, run

BARE = [*STRICT, "-O2", "-ffreestanding"]
PROGRAM = sorted((NATIVE / "freestanding").glob("*.c"))
# Compilers emit calls of these on their own; native/freestanding/memory.c has them. The table is the linker's.
ALLOWED = {"memcpy", "memmove", "memset", "memcmp", "_GLOBAL_OFFSET_TABLE_"}

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="ELF objects and Linux system calls")


def need(*names):
    """Skip the test unless all these programs are on this machine."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)} on this machine")


def compile_core(compiler, folder, *flags):
    objects = ["-".join(path.relative_to(NATIVE).with_suffix(".o").parts) for path in SOURCES]  # names may repeat
    for source, name in zip(SOURCES, objects, strict=True):
        run(compiler, *BARE, *flags, "-c", source, "-o", name, cwd=folder)
    return objects


def run_bare(compiler, folder, *emulator):
    """Link the core with nothing, and let it decode golden payloads; its exit status says which one is wrong."""
    run(compiler, *BARE, "-nostdlib", "-static", *PROGRAM, *SOURCES, "-o", "bare", cwd=folder)
    run(*emulator, folder / "bare", cwd=folder)


def symbols(nm, flag, objects, folder):
    """Return the names that nm lists under this flag."""
    lines = run(nm, flag, *objects, cwd=folder).splitlines()
    return {line.split()[-1] for line in lines if line and not line.endswith(":")}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_it_calls_nothing_but_what_compilers_emit(tmp_path, compiler):
    need(compiler, "nm")
    objects = compile_core(compiler, tmp_path)
    outside = symbols("nm", "-u", objects, tmp_path) - symbols("nm", "--defined-only", objects, tmp_path)
    assert outside <= ALLOWED


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_it_runs_without_a_library(tmp_path, compiler):
    need(compiler)
    if platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip(f"native/freestanding/start.c has no entry for {platform.machine()}")
    run_bare(compiler, tmp_path)


def test_it_runs_on_aarch64(tmp_path):
    need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    run_bare("aarch64-linux-gnu-gcc", tmp_path, "qemu-aarch64")


@pytest.mark.parametrize("test", sorted((NATIVE / "tests").glob("*.c")), ids=lambda path: path.stem)
def test_its_tests_pass_on_aarch64(tmp_path, test):
    need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    run("aarch64-linux-gnu-gcc", *STRICT, "-O2", "-static", test, *SOURCES, "-o", test.stem, cwd=tmp_path)
    assert run("qemu-aarch64", tmp_path / test.stem, cwd=tmp_path) == "ok\n"


@pytest.mark.parametrize(
    ("rooms", "flags", "most"),
    [
        (("codec",), (), 21_000),
        (("engine", "kernels"), ("-DATTAR_SMALL",), 30_000),
        (("engine", "kernels"), (), 42_000),
    ],
)
def test_it_fits_a_microcontroller(tmp_path, capsys, rooms, flags, most):
    """Compiled only; all coders together, or the engine, are a small part of a microcontroller.

    The small engine has plain kernels alone, the other one those too that are quicker on every processor. What
    `numerics` has is for the machine that compresses.
    """
    need("arm-none-eabi-gcc", "arm-none-eabi-size")
    objects = compile_core("arm-none-eabi-gcc", tmp_path, "-mcpu=cortex-m4", "-mthumb", "-Os", *flags)
    shared = [name for name in objects if name.count("-") == 1]
    left_out = "portable" if flags else None
    coders = [name for name in objects if name.split("-")[1] in rooms and left_out not in name.split("-")]
    totals = run("arm-none-eabi-size", "--totals", *shared, *coders, cwd=tmp_path).splitlines()[-1]
    code_bytes = int(totals.split()[0])
    with capsys.disabled():
        print(f"[Cortex-M4, {' '.join((*rooms, *flags))}: {code_bytes} bytes of code]", end="")
    assert code_bytes < most
