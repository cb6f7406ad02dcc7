"""Golden files changed at random, their checksums mostly right again: both readers must say the same of each.

    python -m tests.container.fuzz [--seconds 600] [--first NUMBER]

A mutant is made from its number alone, so that a failure can be repeated. One that teaches something becomes a defect
of its own in hostile.py.
"""

import argparse
import faulthandler
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path

import onnx_ir as ir

from attar import container
from attar.container import reference
from attar.errors import FormatError

from .build import HEADER, chunk, file, stored, tensor
from .good import GOOD

LIMIT = 2**19  # decoded bytes: above every golden file, and little enough for the plain decoder
HANG_S = 60
CAPS = {2: 256 * 2**20, 3: 16 * 2**20, 5: 2**20}
FILES = [build() for build in GOOD.values()]
TOKENS = [b"\x00", b"\x7f", b"\x80", b"\xff" * 9 + b"\x01", b"1e999", b"NaN", b'"\\ud800"', b"[" * 99, b"null", b"w"]


# --- Mutants ----------------------------------------------------------------------------------------------------------


def mutant(number: int) -> bytes:
    """Return the mutant of a number, always the same."""
    draw = random.Random(number)
    data = draw.choice(FILES)
    return draw.choice([raw, payload, payload, inflated, inflated, streams, streams, streams])(draw, data)


def raw(draw: random.Random, data: bytes) -> bytes:
    """Any bytes of the file; the checksums find nearly all."""
    return edited(draw, data)


def payload(draw: random.Random, data: bytes) -> bytes:
    """The payload of one chunk."""
    chunks = reference.read_chunks(data)
    kind = draw.choice(list(chunks))
    return joined(chunks | {kind: edited(draw, chunks[kind])})


def inflated(draw: random.Random, data: bytes) -> bytes:
    """What is behind the DEFLATE data of a graph, meta or provenance chunk."""
    chunks = reference.read_chunks(data)
    kinds = [kind for kind in CAPS if kind in chunks]
    if not kinds:
        return payload(draw, data)
    kind = draw.choice(kinds)
    return joined(chunks | {kind: stored(edited(draw, reference.inflate(chunks[kind], CAPS[kind])))})


def streams(draw: random.Random, data: bytes) -> bytes:
    """The stream of one tensor, or its dtype, dims or coder."""
    chunks = reference.read_chunks(data)
    source = reference.Bytes(chunks[reference.STREAMS])
    tensors = [
        [entry.name.encode(), entry.dtype, entry.shape, entry.coder, source.take(entry.length)]
        for entry in reference.read_table(chunks[reference.TABLE], LIMIT)
    ]
    if tensors:
        change(draw, draw.choice(tensors))
    rebuilt = reference.read_chunks(file(*(tensor(*parts) for parts in tensors)))
    return joined(chunks | {kind: rebuilt[kind] for kind in (reference.TABLE, reference.STREAMS)})


def change(draw: random.Random, parts: list) -> None:
    """Change one thing in the name, dtype, dims, coder and stream of a tensor, in place."""
    where = draw.choice([1, 2, 3, 4, 4, 4, 4, 4])
    if where == 1:
        parts[1] = draw.choice(list(reference.ITEMSIZE))
    elif where == 2:
        parts[2] = tuple(draw.choice([0, 1, dim - 1, dim + 1, 2 * dim]) if dim else dim for dim in parts[2])
    elif where == 3:
        parts[3] = draw.choice(reference.CODERS)
    else:
        parts[4] = edited(draw, parts[4])


def joined(chunks: dict[int, bytes]) -> bytes:
    return HEADER + b"".join(chunk(kind, content) for kind, content in chunks.items())


# --- Edits ------------------------------------------------------------------------------------------------------------


def edited(draw: random.Random, data: bytes) -> bytes:
    """Return the bytes after one to four edits."""
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(data) + 1)
        end = min(len(data), at + draw.choice([1, 1, 1, 2, 4, 16]))
        data = draw.choice([cut, flip, put, insert, drop, repeat, splice])(draw, data, at, end)
    return data


def cut(_draw: random.Random, data: bytes, at: int, _end: int) -> bytes:
    return data[:at]


def flip(draw: random.Random, data: bytes, at: int, end: int) -> bytes:
    return data[:at] + bytes(byte ^ 1 << draw.randrange(8) for byte in data[at:end]) + data[end:]


def put(draw: random.Random, data: bytes, at: int, end: int) -> bytes:
    return data[:at] + draw.randbytes(end - at) + data[end:]


def insert(draw: random.Random, data: bytes, at: int, end: int) -> bytes:
    return data[:at] + draw.choice(TOKENS) + data[draw.choice([at, end]) :]


def drop(_draw: random.Random, data: bytes, at: int, end: int) -> bytes:
    return data[:at] + data[end:]


def repeat(_draw: random.Random, data: bytes, at: int, end: int) -> bytes:
    return data[:end] + data[at:]


def splice(draw: random.Random, data: bytes, at: int, _end: int) -> bytes:
    other = draw.choice(FILES)
    start = draw.randrange(len(other))
    return data[:at] + other[start : start + draw.randint(1, 16)] + data[at:]


# --- The check --------------------------------------------------------------------------------------------------------


def check(data: bytes) -> bool:
    """Return whether the file is good. Both readers must say the same, but for what only an ONNX parser can tell."""
    found, refused = outcome(lambda: read(data))
    expected, _ = outcome(lambda: decode(data))
    assert found == expected or (found is None and "graph chunk" in refused)
    return found is not None


def outcome(call: Callable[[], dict]) -> tuple[dict | None, str]:
    try:
        return call(), ""
    except FormatError as error:
        return None, str(error)


def read(data: bytes) -> dict[str, tuple]:
    opened = container.open(data, max_decoded_bytes=LIMIT)
    opened.check()
    if opened.has_graph:
        ir.to_proto(opened.model()).SerializeToString()  # what opens can be exported
    return {
        entry.name: (entry.onnx_dtype, entry.shape, opened.tensor(entry.name).tobytes()) for entry in opened.entries
    }


def decode(data: bytes) -> dict[str, tuple]:
    return {name: tuple(found) for name, found in reference.decode(data, max_decoded_bytes=LIMIT).tensors.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    logging.disable()  # onnx_ir warns of what it mends
    number, good, end = arguments.first, 0, time.monotonic() + arguments.seconds
    while time.monotonic() < end:
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        try:
            good += check(mutant(number))
        except BaseException:
            path = Path(f"mutant-{number}.attar")
            path.write_bytes(mutant(number))
            print(f"{path} fails")
            raise
        number += 1
    print(f"{number - arguments.first} mutants, of which {good} are good files")


if __name__ == "__main__":
    main()
