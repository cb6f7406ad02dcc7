"""Write a small network of each of torch's families, by both of its exporters, for the tests: needs `.[train]`.

python benches/export_families.py     # tests/common/exported/*.onnx, under 30 kB each
"""

from pathlib import Path

from networks.families import FAMILIES, exported

FOLDER = Path(__file__).parents[1] / "tests" / "common" / "exported"
MOST_BYTES, SEED = 30_000, 2


def main() -> None:
    for family in FAMILIES:
        for dynamo in (True, False):
            proto = exported(family, SEED, dynamo=dynamo)
            _without_remarks(proto)
            path = FOLDER / f"{family.__name__}_{'dynamo' if dynamo else 'script'}.onnx"
            data = proto.SerializeToString(deterministic=True)
            if len(data) > MOST_BYTES:
                raise SystemExit(f"{path.name}: {len(data):,} bytes, more than {MOST_BYTES:,}")
            path.write_bytes(data)
            print(f"{path.name}: {len(data):,} bytes")


def _without_remarks(proto) -> None:
    """Take out what the exporter notes for people: places in source files, which are somebody's folders."""
    del proto.metadata_props[:], proto.graph.metadata_props[:]
    for thing in (*proto.graph.node, *proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del thing.metadata_props[:]
        thing.doc_string = ""
    for function in proto.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]


if __name__ == "__main__":
    main()
