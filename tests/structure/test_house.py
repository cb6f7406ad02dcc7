"""The house: who may import whom, what `import attar` costs, what a technique must have, and that the README runs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from attar.passes.catalog import CATALOG

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "attar"
NATIVE_ROOMS = {"numerics", "codec", "runtime"}


def imports_of(path: Path) -> set[str]:
    """Return the names of all modules that a file imports, and of all that it imports from packages."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return names


def python_files():
    return sorted(SOURCE.rglob("*.py"))


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_the_layers_hold():
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_the_native_core_is_imported_by_its_rooms_alone(path):
    if any("_native" in name for name in imports_of(path)):
        assert path.relative_to(SOURCE).parts[0] in NATIVE_ROOMS


def test_nothing_inside_imports_a_star_or_the_package_root_by_name():
    for path in python_files():
        assert not {name for name in imports_of(path) if name.endswith(".*") or name == "attar"}, path


def test_import_attar_loads_neither_graphs_nor_runtimes():
    loaded = run("import attar, sys; print(*sys.modules)").stdout.split()
    assert not {"onnx", "onnx_ir", "onnxruntime", "torch", "scipy", "typer", "rich"} & set(loaded)


def test_a_process_that_times_files_loads_no_graphs():
    loaded = run("import attar.evaluate.contestant, sys; print(*sys.modules)").stdout.split()
    assert not {"onnx", "onnx_ir", "onnxruntime", "torch", "sympy"} & set(loaded)


def test_the_core_works_without_torch():
    blocked = "import sys; sys.modules['torch'] = None\n"
    used = "import attar; attar.load('examples/fashion/lenet5.onnx'); attar.compress, attar.open"
    assert run(blocked + used).returncode == 0


def test_the_public_names_exist():
    import attar

    assert all(getattr(attar, name) is not None for name in attar.__all__)


@pytest.mark.parametrize("name", CATALOG)
def test_a_technique_has_its_file_page_and_test(name):
    family, word = name.split(".")
    test = next((ROOT / "tests/passes" / family).glob(f"test_*{word}*.py"), None)
    assert (SOURCE / "passes" / family / f"{word}.py").is_file()
    assert (ROOT / "docs/techniques" / family / f"{word}.md").is_file()
    assert test is not None


def test_the_readme_runs(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for block in blocks:
        done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr


def test_every_link_of_the_pages_leads_somewhere():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page}: {target}"


def test_public_names_are_listed_before_they_are_used():
    listed = run("import attar, sys; print(*dir(attar)); assert 'onnx' not in sys.modules").stdout.split()
    assert {"compress", "open", "load", "Engine", "Result", "PlanError", "__version__"} <= set(listed)


def test_the_package_is_typed_and_a_command():
    assert (SOURCE / "py.typed").is_file()
    ran = subprocess.run([sys.executable, "-m", "attar", "--version"], capture_output=True, text=True, timeout=120)
    assert ran.stdout.startswith("attar ") and ran.returncode == 0
