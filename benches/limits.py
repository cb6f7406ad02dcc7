"""Measure what a compression takes of two cores: seconds and peak memory of the whole command; writes docs/results.md.

    python benches/limits.py                 # EfficientNet-Lite0 and the shape of VGG-16, twenty minutes
    python benches/limits.py --only vgg16    # one of them, printed alone

The smaller network comes first: a peak is that of the largest process so far.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from coding.markdown import at_most, rewrite, table
from networks import photos, ready
from sizes import PAGE

BEGIN, END = "<!-- limits:begin -->", "<!-- limits:end -->"
SAMPLES = 256
BAR_SECONDS = {"efficientnet_lite0": 90, "vgg16": 15 * 60}
SPARE_BYTES = 1.5e9  # beside twice the network in float32


@dataclass(frozen=True)
class Row:
    """A run: what it made, and what it took."""

    name: str
    fp32_bytes: int
    size_bytes: int
    seconds: float
    peak_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=BAR_SECONDS)
    only = parser.parse_args().only
    text = lines([measured(name) for name in ([only] if only else BAR_SECONDS)])
    print(text)
    if only is None:
        rewrite(PAGE, BEGIN, END, text)


def measured(name: str) -> Row:
    """Compress a network by the command, in a process of its own."""
    network, source = ready.NETWORKS[name], ready.path(name)
    with tempfile.TemporaryDirectory() as folder:
        data, output = Path(folder) / "crops.npy", Path(folder) / "out.attar"
        np.save(data, network.preprocess(photos.crops("calibration")[:SAMPLES]))
        start = time.monotonic()
        command = ["compress", source, "-o", output, "--data", data, "--json"]
        subprocess.run([Path(sys.executable).with_name("attar"), *command], check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        peak = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # of the largest so far: go upwards
        return Row(name, source.stat().st_size, output.stat().st_size, seconds, peak)


def lines(rows: Sequence[Row]) -> str:
    return table(
        "network|>fp32 bytes|>file|>seconds||>peak MB|",
        (
            (
                row.name,
                f"{row.fp32_bytes:,}",
                f"{row.size_bytes:,}",
                f"{row.seconds:.0f}",
                at_most(row.seconds, BAR_SECONDS[row.name]),
                f"{row.peak_bytes / 1e6:,.0f}",
                at_most(row.peak_bytes / 1e6, round((2 * row.fp32_bytes + SPARE_BYTES) / 1e6)),
            )
            for row in rows
        ),
    )


if __name__ == "__main__":
    main()
