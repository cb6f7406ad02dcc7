"""How a convolution moves over its input: strides, borders, dilations, read from the operator."""

from dataclasses import dataclass

import onnx_ir as ir


@dataclass(frozen=True)
class Geometry:
    """A convolution's window; every tuple has one entry per spatial axis.

    Attributes:
        pads: begin and end of the border per axis; None where `auto_pad` or `output_shape` rule.
        auto_pad: ONNX's word, such as "SAME_UPPER".
        transposed: whether it is a ConvTranspose; `output_padding` and `output_shape` belong to it alone.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[tuple[int, int], ...] | None = None
    auto_pad: str = "NOTSET"
    groups: int = 1
    transposed: bool = False
    output_padding: tuple[int, ...] = ()
    output_shape: tuple[int, ...] | None = None

    def output(self, axis: int, extent: int) -> int:
        """Return the extent of the output along a spatial axis for an input of `extent`."""
        if self.output_shape is not None:
            return self.output_shape[axis]
        borders, stride = sum(self._borders(axis, extent)), self.strides[axis]
        if self.transposed:
            return stride * (extent - 1) + self.output_padding[axis] + self._span(axis) - borders
        return (extent + borders - self._span(axis)) // stride + 1

    def begin(self, axis: int, extent: int) -> int:
        """Return how far the first window begins before an input of `extent`."""
        return self._borders(axis, extent)[0]

    def _span(self, axis: int) -> int:
        """Return how many places the window spans."""
        return (self.kernel[axis] - 1) * self.dilations[axis] + 1

    def _borders(self, axis: int, extent: int) -> tuple[int, int]:
        if self.pads is not None:
            return self.pads[axis]
        if self.auto_pad == "VALID" and self.output_shape is None:
            return 0, 0
        total = self._transposed_total(axis, extent) if self.transposed else self._same_total(axis, extent)
        half, rest = total // 2, total - total // 2
        # Of an odd border the longer side is the end for SAME_UPPER, the begin for anything else.
        return (half, rest) if self.auto_pad == "SAME_UPPER" else (rest, half)

    def _same_total(self, axis: int, extent: int) -> int:
        stride = self.strides[axis]
        return max((-(-extent // stride) - 1) * stride + self._span(axis) - extent, 0)

    def _transposed_total(self, axis: int, extent: int) -> int:
        stride = self.strides[axis]
        wanted = extent * stride if self.output_shape is None else self.output_shape[axis]
        return max(stride * (extent - 1) + self.output_padding[axis] + self._span(axis) - wanted, 0)


def geometry(node: ir.Node, kernel: tuple[int, ...]) -> Geometry:
    """Read the geometry of a Conv or ConvTranspose whose weights have the spatial extents `kernel`."""
    axes = len(kernel)
    attributes = node.attributes
    auto_pad = attributes.get_string("auto_pad", "NOTSET")
    output_shape = attributes.get_ints("output_shape", ())
    pads = tuple(attributes.get_ints("pads", ())) or (0,) * 2 * axes
    explicit = auto_pad == "NOTSET" and not output_shape
    return Geometry(
        kernel,
        tuple(attributes.get_ints("strides", ())) or (1,) * axes,
        tuple(attributes.get_ints("dilations", ())) or (1,) * axes,
        tuple(zip(pads[:axes], pads[axes:], strict=True)) if explicit else None,
        auto_pad,
        attributes.get_int("group", 1),
        node.op_type == "ConvTranspose",
        tuple(attributes.get_ints("output_padding", ())) or (0,) * axes,
        tuple(output_shape[-axes:]) or None,
    )
