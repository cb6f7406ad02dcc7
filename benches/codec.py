"""Measure attar's codec beside NNCodec's coder on the same integers, in one run, and check the bars.

Sizes, the distance from the levels coder's own ideal, speed on one core and two, peak memory. NNCodec is given an
environment of its own in benches/.peers when it is first asked for. Tables go to the standard output, progress to the
standard error; after Ctrl-C what was measured until then is printed.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import nets
from coding import markdown, memory, sizes, speed

PAGE = Path(__file__).parents[1] / "docs" / "codec.md"
BEGIN, END = "<!-- benches/codec.py: begin -->", "<!-- end -->"
EXAMPLES = """examples:
  python benches/codec.py                                    everything; VGG-16 alone takes five minutes
  python benches/codec.py --quick                            smaller weights and fewer rates, one minute
  python benches/codec.py --only sizes --nets lenet5 --rates 4 1
  python benches/codec.py --only speed memory --json speed.json
  python benches/codec.py --write                            everything, and the tables go into docs/codec.md
"""
PARTS = {"sizes": sizes, "speed": speed, "memory": memory}
RATES, QUICK_RATES = (4.0, 2.0, 1.0, 0.5), (2.0, 0.5)
SIZED = ("lenet5", "efficientnet_lite0", "efficientnet_lite0_folded", "uneven_rows", "uneven_columns", "vgg16")
QUICK_SIZED = ("lenet5", "efficientnet_lite0", "uneven_rows", "uneven_columns")
SPEED_RATES = (3.0, 1.0)
SIDE, QUICK_SIDE = 4096, 2048
ROUNDS, QUICK_ROUNDS = 3, 1
LARGE, QUICK_LARGE = (8192, 4096), (2048, 4096)

Work = tuple[str, Callable[[], Iterable]]


def main() -> None:
    options = parsed()
    records: dict[str, list] = {part: [] for part in options.only}
    is_whole = run_all(records, options)
    text = "\n\n".join([*(PARTS[part].tables(rows) for part, rows in records.items() if rows), made_by(options)])
    print(text)
    if options.json:
        options.json.write_text(json.dumps(as_json(records), indent=1), encoding="utf-8")
    if not is_whole:
        raise SystemExit(130)
    if options.write and PAGE.exists():
        markdown.rewrite(PAGE, BEGIN, END, text)
        progress(f"written into {PAGE.name}")


def parsed() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES, formatter_class=formatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="measure these parts alone")
    parser.add_argument("--nets", nargs="+", choices=nets.NETS, help="weights whose sizes are measured")
    parser.add_argument("--rates", nargs="+", type=float, help="their bits per weight: 4 2 1 0.5")
    parser.add_argument("--rounds", type=int, help=f"turns of either side in the speed part: {ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="a look in one minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single measurement there")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/codec.md, if there is one")
    options = parser.parse_args()
    options.nets = options.nets or (QUICK_SIZED if options.quick else SIZED)
    options.rates = options.rates or (QUICK_RATES if options.quick else RATES)
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    return options


def run_all(records: dict[str, list], options: argparse.Namespace) -> bool:
    """Fill `records` and return True, or False if it was interrupted."""
    try:
        for part, rows in records.items():
            for name, measure in WORKS[part](options):
                progress(f"{part}: {name}")
                rows.extend(measure())
    except KeyboardInterrupt:
        progress("interrupted")
        return False
    return True


def works_of_sizes(options: argparse.Namespace) -> Iterable[Work]:
    for net in options.nets:
        for rate in options.rates:
            yield f"{net} at {rate:g} bits", partial(sizes.measure, net, rate)


def works_of_speed(options: argparse.Namespace) -> Iterable[Work]:
    side = QUICK_SIDE if options.quick else SIDE
    cases = {f"Laplacian {side} x {side}, uneven rows": lambda: nets.uneven(axis=0, shape=(side, side))}
    if not options.quick:
        cases["EfficientNet-Lite0"] = nets.efficientnet_lite0
    for case, net in cases.items():
        for rate in SPEED_RATES:
            yield f"{case} at {rate:g} bits", partial(speed.measure, case, net, rate, options.rounds)


def works_of_memory(options: argparse.Namespace) -> Iterable[Work]:
    rows, columns = QUICK_LARGE if options.quick else LARGE
    yield f"Laplacian {rows} x {columns}", partial(memory.measure, rows, columns)


WORKS = {"sizes": works_of_sizes, "speed": works_of_speed, "memory": works_of_memory}


def as_json(records: dict[str, list]) -> dict:
    return {part: [PARTS[part].record(row) for row in rows] for part, rows in records.items()}


def made_by(options: argparse.Namespace) -> str:
    command = "python benches/codec.py" + (" --quick" if options.quick else "")
    versions = ", ".join(f"{name} {version(name)}" for name in ("attar", "numpy"))
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    return f"Made by `{command}` with {versions}, {pinned('nncodec')}, {machine}."


def pinned(peer: str) -> str:
    """Return the first pin of a peer, as "nncodec 2.1.3"."""
    lines = (Path(nets.__file__).parent / "peers" / "requirements" / f"{peer}.txt").read_text("utf-8").splitlines()
    return next(line.replace("==", " ") for line in lines if line.startswith(peer))


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
