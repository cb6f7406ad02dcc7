"""benches/memory.py runs, and the networks that it builds have exactly the parameters that they are known for."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Each arena by hand: what the two largest layers in a row put out, in bytes at 8 bits.
ARENAS = {
    "alexnet": 2 * 96 * 55 * 55,  # the first normalization and what it reads
    "resnet18": 64 * (112 * 112 + 56 * 56),  # the first convolution and its pooling
    "vgg16": 2 * 64 * 224 * 224,  # the first two convolutions
}


def test_shapes_without_weights():
    """The script refuses a network whose shapes have another number of parameters."""
    command = [sys.executable, ROOT / "benches" / "memory.py", "--only", *ARENAS]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    arenas = dict(re.findall(r"^\| (\w+) \| \d+ \| ([\d,]+) \|", printed, re.MULTILINE))
    assert arenas == {name: f"{arena:,}" for name, arena in ARENAS.items()}
    assert "missed" not in printed
