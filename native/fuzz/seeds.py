"""Write the symbol payloads of the golden files, good and bad, as seeds: `python native/fuzz/seeds.py FOLDER`.

A seed is what a target wants, FOLDER/<coder>/<file>-<number>: the count in two bytes (`fuzz_take_count`), the payload.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from attar.codec.coders import NAMES
from attar.container import reference
from attar.errors import FormatError

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"


def payloads(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Yield coder, count and payload of every symbol payload that the plain decoder meets in a file."""
    met: list[tuple[str, int, bytes]] = []

    def recorder(name: str, decode: Callable[[bytes, int], list[int]]) -> Callable[[bytes, int], list[int]]:
        def record(payload: bytes, count: int) -> list[int]:
            met.append((name, count, payload))
            return decode(payload, count)

        return record

    recorders = {coder: recorder(NAMES[coder], decode) for coder, decode in reference.SYMBOL_CODERS.items()}
    with patch.dict(reference.SYMBOL_CODERS, recorders), suppress(FormatError):
        reference.decode(data)
    yield from met


def write_seeds(folder: Path) -> None:
    """Write every payload whose count the two bytes can say; none of the golden ones is longer."""
    for path in sorted(GOLDEN.rglob("*.attar")):
        for number, (coder, count, payload) in enumerate(payloads(path.read_bytes())):
            if count < 4096:
                seed = folder / coder / f"{path.stem}-{number}"
                seed.parent.mkdir(parents=True, exist_ok=True)
                seed.write_bytes(count.to_bytes(2, "little") + payload)


if __name__ == "__main__":
    write_seeds(Path(sys.argv[1]))
