"""attar export: take a compressed network elsewhere."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ._common import Json, check_output, print_json

EXAMPLES = """
[bold]Examples[/]

  attar export model.attar --to onnx -o model.onnx

  attar export model.attar --to safetensors -o model.safetensors
"""


class Form(StrEnum):
    """Where a network can go."""

    ONNX = "onnx"
    SAFETENSORS = "safetensors"


def command(
    file: Annotated[Path, typer.Argument(help="An .attar file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    to: Annotated[Form, typer.Option(help="The format.")] = Form.ONNX,
    json: Json = False,
) -> None:
    """Decode a file and write it in another format: the same numbers, bit for bit."""
    from .. import container, export

    check_output(output, [file])
    opened = container.open(file)
    data = export.to_onnx(opened) if to is Form.ONNX else export.to_safetensors(opened)
    container.write_bytes(output, data)
    if json:
        print_json({"output": str(output), "size_bytes": len(data)})
    else:
        print(f"{output}: {len(data):,} bytes")
