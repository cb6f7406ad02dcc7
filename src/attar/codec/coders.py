"""Models and symbol coders: their numbers in a coder byte, and their names (format: 6)."""

from ..errors import FormatError

PACKED, RELATIVE, RANS, LEVELS = 1, 2, 3, 4
NAMES = {PACKED: "packed", RELATIVE: "relative", RANS: "rans", LEVELS: "levels"}
RAW, CONSTANT, PLANES, INTEGERS, GRID, CODEBOOK, FLOATS = range(7)
MODELS = {
    RAW: "raw",
    CONSTANT: "constant",
    PLANES: "planes",
    INTEGERS: "integers",
    GRID: "grid",
    CODEBOOK: "codebook",
    FLOATS: "floats",
}
COPY = 0x70  # coder byte of a copy of another tensor in the same file, which the container finds
_CODED = frozenset({INTEGERS, GRID, CODEBOOK})  # models whose payloads end in a symbol payload


def describe(coder: int) -> str:
    """The name of a coder byte, as "raw" or "grid/rans"; FormatError for a byte that is not one."""
    model, symbols = divmod(coder, 16)
    if model in MODELS and (symbols in NAMES if model in _CODED else symbols == 0):
        return f"{MODELS[model]}/{NAMES[symbols]}" if model in _CODED else MODELS[model]
    if coder == COPY:
        return "copy"
    raise FormatError(f"coder byte 0x{coder:02x}: not a known model and symbol coder")
