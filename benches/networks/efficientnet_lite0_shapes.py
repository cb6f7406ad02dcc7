"""The weights of EfficientNet-Lite0 as shapes alone, for benches that ask how long it takes and not what it says."""

from networks.shapes import Shape

STEM, HEAD, CLASSES = 32, 1280, 1000
# Of each stage: by how much its blocks expand, the side of their kernel, their outputs, how many there are.
STAGES = ((1, 3, 16, 1), (6, 3, 24, 2), (6, 5, 40, 2), (6, 3, 80, 3), (6, 5, 112, 3), (6, 5, 192, 4), (6, 3, 320, 1))
NORM = ("weight", "bias", "running_mean", "running_var")


def shapes() -> dict[str, Shape]:
    """Return the shape of every weight, by the name that torch gives it."""
    found: dict[str, Shape] = {"_conv_stem.weight": (STEM, 3, 3, 3), **_norm("_bn0", STEM)}
    inputs, block = STEM, 0
    for expansion, side, outputs, count in STAGES:
        for _ in range(count):
            found |= _block(f"_blocks.{block}", inputs, expansion * inputs, side, outputs)
            inputs, block = outputs, block + 1
    found |= {"_conv_head.weight": (HEAD, inputs, 1, 1), **_norm("_bn1", HEAD)}
    return found | {"_fc.weight": (CLASSES, HEAD), "_fc.bias": (CLASSES,)}


def _block(name: str, inputs: int, channels: int, side: int, outputs: int) -> dict[str, Shape]:
    found: dict[str, Shape] = {}
    if channels != inputs:
        found |= {f"{name}._expand_conv.weight": (channels, inputs, 1, 1), **_norm(f"{name}._bn0", channels)}
    found |= {f"{name}._depthwise_conv.weight": (channels, 1, side, side), **_norm(f"{name}._bn1", channels)}
    return found | {f"{name}._project_conv.weight": (outputs, channels, 1, 1), **_norm(f"{name}._bn2", outputs)}


def _norm(name: str, channels: int) -> dict[str, Shape]:
    return {f"{name}.{part}": (channels,) for part in NORM}
