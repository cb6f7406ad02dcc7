"""Store the golden files: `python -m tests.golden.make`. Files once committed stay as they are and decode the same."""

import hashlib
import json
from pathlib import Path

from attar.container import reference
from tests.container.good import GOOD
from tests.container.hostile import BAD, CONTAINER

HERE = Path(__file__).parent


def describe(data: bytes) -> dict:
    """Return what a good file must decode to, as the plain-Python decoder sees it."""
    decoded = reference.decode(data)
    tensors = {
        name: {"dtype": tensor.dtype, "shape": list(tensor.shape), "sha256": hashlib.sha256(tensor.raw).hexdigest()}
        for name, tensor in decoded.tensors.items()
    }
    return {"tensors": tensors, "graph": decoded.graph is not None, "meta": decoded.meta}


def store(name: str, data: bytes) -> None:
    """Write a file that is not there yet; one that is there is never changed."""
    path = HERE / f"{name}.attar"
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        path.write_bytes(data)


def dump(name: str, content: dict) -> None:
    (HERE / name).write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def main() -> None:
    good = {name: build() for name, build in GOOD.items()}
    for name, data in good.items():
        store(name, data)
    for name, data in BAD.items():
        store(f"bad/{name}", data)
    dump("expected.json", {name: describe((HERE / f"{name}.attar").read_bytes()) for name in good})
    dump("bad/errors.json", {name: CONTAINER[name][1] if name in CONTAINER else "tensor 'w': " for name in BAD})


if __name__ == "__main__":
    main()
