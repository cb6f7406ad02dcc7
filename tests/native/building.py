"""What the tests of the native core share: its sources, the strict flags, and running a command that must succeed."""

import shutil
import subprocess
import sys
from pathlib import Path

NATIVE = Path(__file__).parents[2] / "native"
SOURCES = sorted((NATIVE / "src").rglob("*.c"))
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", f"-I{NATIVE / 'include'}"]
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def run(*command, cwd, timeout=300):
    """Return what a command prints; it must end with status 0."""
    words = [str(part) for part in command]
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, check=False, timeout=timeout)
    assert done.returncode == 0, f"{' '.join(words)}\nexit status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def tool(name):
    """Return the path of a program of this environment or of the machine, None without it."""
    return shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
