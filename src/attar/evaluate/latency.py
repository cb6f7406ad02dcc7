"""How long files take to load and to run, and the memory of it: each in a process of its own, turn by turn.

Turns alternate, so that a machine that slows down slows all of them; between two turns there is a pause, since some
runtimes keep their threads busy for a while after they are done.
"""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ..errors import DataError, first_line
from . import contestant

PAUSE = 0.05  # seconds between turns
WARM_UP = 3  # runs before the first turn, which count for nothing


@dataclass(frozen=True)
class Entrant:
    """A file in a runtime ("attar", "onnxruntime" or "openvino") with so many threads.

    Attributes:
        interpreter: that has the runtime, this process's own where it is empty.
        kernels: the best kind that attar may take, every kind where it is empty.
        inputs: an .npz of what it runs on, normal numbers where it is empty.
    """

    file: str
    runtime: str
    threads: int
    interpreter: str = ""
    kernels: str = ""
    inputs: str = ""


@dataclass(frozen=True)
class Timing:
    """What was measured of one entrant.

    Attributes:
        seconds: of every run. load_seconds: of every fresh process's loading. peak_bytes: the most that a process held.
        layers: operators with their seconds, where they were asked for and the runtime can tell.
    """

    entrant: Entrant
    seconds: tuple[float, ...]
    load_seconds: tuple[float, ...]
    peak_bytes: int
    layers: tuple[dict[str, Any], ...] = ()

    @property
    def median_seconds(self) -> float:
        return median(self.seconds)

    @property
    def median_load_seconds(self) -> float:
        return median(self.load_seconds)


def compete(
    entrants: Sequence[Entrant], *, turns: int = 5, runs: int = 6, loads: int = 3, layers: bool = False
) -> list[Timing]:
    """Return the timings of all entrants, taken in turns.

    Args:
        turns: of every entrant, `runs` runs each. loads: fresh processes of every entrant, for loading times.
        layers: whether to time operators one by one as well.

    Raises:
        DataError: a runtime that is not installed, or a file that it cannot run.
    """
    for runtime in dict.fromkeys(entrant.runtime for entrant in entrants if not entrant.interpreter):
        if runtime != "attar" and importlib.util.find_spec(runtime) is None:
            raise DataError(f"{runtime} is not installed")
    loaded = [[_Process(entrant).ended() for entrant in entrants] for _ in range(loads - 1)]
    processes = [_Process(entrant) for entrant in entrants]
    try:
        for process in processes:
            process.run(WARM_UP)
        seconds: list[list[float]] = [[] for _ in entrants]
        for _ in range(turns):
            for process, found in zip(processes, seconds, strict=True):
                time.sleep(PAUSE)
                found += process.run(runs)
        operators = [process.layers() if layers else [] for process in processes]
        ends = [process.ended() for process in processes]
    finally:
        for process in processes:
            process.stop()
    return [
        Timing(
            entrant,
            tuple(seconds[i]),
            tuple(each[i][0] for each in (*loaded, ends)),
            max(each[i][1] for each in (*loaded, ends)),
            tuple(operators[i]),
        )
        for i, entrant in enumerate(entrants)
    ]


@dataclass
class _Process:
    """A contestant, waiting to be asked."""

    entrant: Entrant
    process: subprocess.Popen = field(init=False)
    load_seconds: float = field(init=False)

    def __post_init__(self) -> None:
        # Elsewhere attar itself is not installed: the script is run as a file.
        script = (
            [self.entrant.interpreter, contestant.__file__]
            if self.entrant.interpreter
            else [sys.executable, "-P", "-m", contestant.__name__]  # -P: nothing from the current folder
        )
        words = [*script, self.entrant.runtime, self.entrant.file, str(self.entrant.threads)]
        words += [self.entrant.kernels] if self.entrant.kernels else []
        words += [f"{contestant.INPUTS}{self.entrant.inputs}"] if self.entrant.inputs else []
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.load_seconds = self._answer()["load"]

    def run(self, runs: int) -> list[float]:
        return self._ask(str(runs))["seconds"]

    def layers(self) -> list[dict[str, Any]]:
        return self._ask("layers")["layers"]

    def ended(self) -> tuple[float, int]:
        """End the process; return its seconds of loading and its peak memory."""
        self.process.stdin.close()
        peak = self._answer()["peak_bytes"]
        self.stop()
        return self.load_seconds, peak

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def _ask(self, question: str) -> dict[str, Any]:
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            said = self.process.stderr.read().strip().splitlines()
            reason = first_line(said[-1]) if said else "it ended without a word"
            raise DataError(f"{self.entrant.file} in {self.entrant.runtime}: {reason}")
        return json.loads(line)
