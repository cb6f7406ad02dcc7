"""A compressed file's tensors as safetensors, for whoever wants the weights without the graph."""

import safetensors.numpy

from ..container import AttarFile


def to_safetensors(file: AttarFile) -> bytes:
    """Return the bytes of a safetensors file with every tensor of the table.

    Raises:
        FormatError: the file is damaged.
    """
    return safetensors.numpy.save(dict(file.tensors()))
