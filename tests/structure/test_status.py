"""STATUS.md names every card once, and tests that exist; each technique has a page whose settings and examples hold."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from attar.passes.catalog import CATALOG
from attar.passes.settings import describe_field

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "techniques"

# fmt: off
CARDS = [
    "GE-1", "GE-2", "GE-3", "GE-4", "GE-5", "GE-6",
    "DC-1", "DC-2", "DC-3", "DC-4", "HAN15", "DISTILLER",
    "Q-STE", "BNN", "QNN", "XNOR", "TWN", "TTQ", "QNET", "AFP",
    "LSQ-BIN", "TFL8", "RIWQ", "UDNN", "GONG", "QCNN", "GUPTA", "DETT8", "RISTR",
    "KD-H", "KD-ENS", "FITNET", "LUO", "TSKD", "RKD", "KD-ARCH",
    "LR-SVD", "LR-JAD", "LR-TAI", "LR-TUCK", "LR-CP", "LR-DECME", "SLR-UNMIX", "SLR-L0",
    "RPCP", "MSLR", "RRD", "LRASMD", "DENIL",
    "PR-MOL", "SFP", "KTAFP", "EASI", "LRP", "NBAP", "SUN", "POLYAK", "PERF", "CNNPACK", "HASHED", "THIN",
    "SQZ", "MBV1", "MBV2", "SSDL", "DLV3", "SEP", "REFNETS",
    "SURVEY17", "COMBO",
    "CABAC", "RDOQ", "DQ", "NNCX", "ADAR", "BRECQ", "OBC", "BCORR", "CLE", "HAWQ", "ANS", "SMOOTH",
    "ERRATA", "GAINS",
]
# fmt: on


def table_rows(page: Path) -> list[list[str]]:
    """The cells of every row of every table of a page, without heads and rules."""
    lines = page.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    rules = {i for i, row in enumerate(cells) if set("".join(row)) <= set("-:")}
    return [row for i, row in enumerate(cells) if i not in rules and i + 1 not in rules]


STATUS = table_rows(PAGES / "STATUS.md")


def test_every_card_has_one_row():
    assert sorted(row[0] for row in STATUS) == sorted(CARDS)


@pytest.mark.parametrize("row", STATUS, ids=[row[0] for row in STATUS])
def test_a_state_is_one_of_three_and_its_tests_exist(row):
    card, what, state = row
    assert what, f"{card}: says nothing about what it is"
    named = re.findall(r"`(tests/[^`:]+)::(\w+)`", state)
    assert state == "planned" or state.startswith(("works: `tests/", "in part: ")), f"{card}: state {state!r}"
    assert "tests/" not in re.sub(r"`tests/[^`:]+::\w+`", "", state), f"{card}: a test is not named as path::function"
    for path, function in named:
        assert (ROOT / path).is_file(), f"{card}: no file {path}"
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^\s*def {function}\(", source, re.MULTILINE), f"{card}: no {function} in {path}"


def page_of(name: str) -> Path:
    return PAGES / f"{name.replace('.', '/')}.md"


def test_every_page_has_its_technique():
    pages = {str(page.relative_to(PAGES).with_suffix("")) for page in PAGES.rglob("*.md")} - {"STATUS"}
    assert pages == {name.replace(".", "/") for name in CATALOG}


@pytest.mark.parametrize("name", CATALOG)
def test_the_page_has_the_settings_of_the_catalog(name):
    text = page_of(name).read_text(encoding="utf-8")
    assert text.startswith(f"# {name}: ")
    section = re.search(r"^## Settings\n(.*?)^## ", text, re.MULTILINE | re.DOTALL).group(1)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:3] == "| `"]
    written = {row[0].strip("`"): f"{row[1]} (default {row[2]})" for row in rows}
    config = CATALOG[name].config
    assert written == {f.name: describe_field(config, f).replace(" | ", ", ") for f in fields(config)}
    assert all(row[3] for row in rows), "a setting without a meaning"


def python_blocks() -> list[tuple[str, str]]:
    texts = {name: page_of(name).read_text(encoding="utf-8") for name in CATALOG if page_of(name).is_file()}
    return [
        (name, block) for name, text in texts.items() for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    ]


@pytest.mark.parametrize("name", CATALOG)
def test_every_page_has_an_example(name):
    assert name in [of for of, _ in python_blocks()]


@pytest.mark.parametrize(("name", "block"), python_blocks(), ids=[name for name, _ in python_blocks()])
def test_the_examples_run(name, block):
    run = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
