"""attar export: take a compressed network elsewhere."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..files import Output
from ..files.limits import MAX_NODES
from ._common import Force, Json, MaxMemory, MaxNodes, print_json, say

EXAMPLES = """
[bold]Examples[/]

  attar export model.attar --to onnx -o model.onnx

  attar export model.attar --to safetensors -o model.safetensors

  attar export integers.attar --to qdq -o model.onnx
"""


class Form(StrEnum):
    """Where a network can go."""

    ONNX = "onnx"
    QDQ = "qdq"
    SAFETENSORS = "safetensors"


def command(
    file: Annotated[Path, typer.Argument(help="An .attar file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    to: Annotated[Form, typer.Option(help="The format; qdq is the file's program in ONNX.")] = Form.ONNX,
    force: Force = False,
    max_memory: MaxMemory = None,
    max_nodes: MaxNodes = MAX_NODES,
    json: Json = False,
) -> None:
    """Decode a file and write it in another format: the same numbers, bit for bit.

    With qdq, the integers of a file from `compress --integer` as an ONNX model that onnxruntime and others run, checked
    before it is written: read again, it gives the engine's answers.
    """
    from .. import export
    from ..runtime.engine.whole import open_whole

    kind = export.SAFETENSORS if to is Form.SAFETENSORS else export.ONNX
    target = Output(output, kind, lambda: [file], force=force)
    target.check()  # found out before the work, not after it
    opened = open_whole(file)
    write = {Form.ONNX: export.to_onnx, Form.QDQ: export.to_qdq_onnx, Form.SAFETENSORS: export.to_safetensors}
    data = write[to](opened)
    target.write(data)
    if json:
        print_json({"output": str(output), "size_bytes": len(data)})
    else:
        say(f"{output}: {len(data):,} bytes")
