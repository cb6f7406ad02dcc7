"""Pools, reductions, and operators that move numbers without changing them."""

import numpy as np

from .growth import Growth, Tensor

MOST = 400  # numbers of a sample: what makes it larger stops there


def pool(net: Growth, x: Tensor) -> Tensor | None:
    if not 2 <= len(x.shape) <= 3:
        return None
    op = net.choose("MaxPool", "AveragePool", "AveragePool", "LpPool")
    if op == "LpPool" and len(x.shape) == 2:
        return None
    kernel = [net.number(1, min(3, extent)) for extent in x.shape[1:]]
    strides = [net.choose(1, 2) for _ in kernel]
    fields = {"kernel_shape": kernel, "strides": strides}
    begins = [net.number(0, taps - 1) if net.chance(0.3) else 0 for taps in kernel]
    fields["pads"] = begins * 2
    extents = [extent + 2 * pad - taps for extent, pad, taps in zip(x.shape[1:], begins, kernel, strict=True)]
    if op == "AveragePool" and net.chance(0.4):
        fields["count_include_pad"] = 1
    return net.add(op, [x.name], [x.shape[0], *(e // s + 1 for e, s in zip(extents, strides, strict=True))], **fields)


def global_pool(net: Growth, x: Tensor) -> Tensor | None:
    if len(x.shape) < 2:
        return None
    op = net.choose("GlobalAveragePool", "GlobalAveragePool", "GlobalMaxPool")
    return net.add(op, [x.name], [x.shape[0], *[1] * (len(x.shape) - 1)])


def reduction(net: Growth, x: Tensor) -> Tensor | None:
    """Along some axes of the sample or all of them, which leaves one number a sample."""
    if not x.shape:
        return None
    op = net.choose("ReduceMean", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2")
    axes = sorted(net.rng.permutation(len(x.shape))[: net.number(1, len(x.shape))] + 1)
    keep = net.chance(0.5)
    shape = [
        1 if number + 1 in axes else extent for number, extent in enumerate(x.shape) if keep or number + 1 not in axes
    ]
    return net.over(op, x, [int(axis) for axis in axes], shape, 13 if op == "ReduceSum" else 18, keepdims=int(keep))


def flattened(net: Growth, x: Tensor) -> Tensor | None:
    if len(x.shape) < 2:
        return None
    if net.chance(0.5):
        return net.add("Flatten", [x.name], [x.size])
    return net.add("Reshape", [x.name, net.ints(0, -1)], [x.size])


def reshaped(net: Growth, x: Tensor) -> Tensor | None:
    """To other extents: the batch kept by 0, by -1, or by the Shape of the tensor itself."""
    divisors = [number for number in range(1, x.size + 1) if x.size % number == 0]
    first = net.choose(*divisors)
    shape = [first, x.size // first] if net.chance(0.5) else [first, x.size // first, 1]
    way = net.choose("zero", "minus one", "shape")
    if way == "shape":
        batch = net.plain("Gather", [net.plain("Shape", [x.name]), net.ints(0)], axis=0)
        return net.add("Reshape", [x.name, net.plain("Concat", [batch, net.ints(*shape)], axis=0)], shape)
    if way == "zero" and not x.shape:
        return None
    return net.add("Reshape", [x.name, net.ints(0 if way == "zero" else -1, *shape)], shape)


def transposed(net: Growth, x: Tensor) -> Tensor | None:
    if len(x.shape) < 2:
        return None
    order = [int(axis) for axis in net.rng.permutation(len(x.shape))]
    return net.add("Transpose", [x.name], [x.shape[axis] for axis in order], perm=[0, *(axis + 1 for axis in order)])


def squeezed(net: Growth, x: Tensor) -> Tensor:
    ones = [number for number, extent in enumerate(x.shape) if extent == 1]
    if ones and net.chance(0.8):
        axis = net.choose(*ones)
        return net.over("Squeeze", x, [axis + 1], [*x.shape[:axis], *x.shape[axis + 1 :]], 13)
    axis = net.number(0, len(x.shape))
    return net.over("Unsqueeze", x, [axis + 1], [*x.shape[:axis], 1, *x.shape[axis:]], 13)


def sliced(net: Growth, x: Tensor) -> Tensor | None:
    if not x.shape:
        return None
    axis = net.number(0, len(x.shape) - 1)
    extent, step = x.shape[axis], net.choose(1, 1, 2, -1)
    start = net.number(0, extent - 1)
    stop = net.number(start + 1, extent) if step > 0 else -extent - 1
    count = len(range(start, stop, step)) if step > 0 else start + 1
    inputs = [x.name, net.ints(start), net.ints(stop), net.ints(axis + 1), net.ints(step)]
    return net.add("Slice", inputs, [*x.shape[:axis], count, *x.shape[axis + 1 :]])


def gathered(net: Growth, x: Tensor) -> Tensor | None:
    if not x.shape:
        return None
    axis = net.number(0, len(x.shape) - 1)
    if net.chance(0.4):
        index = net.hold(np.int64(net.number(-1, x.shape[axis] - 1)))
        return net.add("Gather", [x.name, index], [*x.shape[:axis], *x.shape[axis + 1 :]], axis=axis + 1)
    picked = net.ints(*(net.number(0, x.shape[axis] - 1) for _ in range(net.number(1, 4))))
    count = len(net.held[picked])
    return net.add("Gather", [x.name, picked], [*x.shape[:axis], count, *x.shape[axis + 1 :]], axis=axis + 1)


def halves(net: Growth, x: Tensor) -> Tensor | None:
    """Split, the halves put to use in another order or one of them alone."""
    axes = [number for number, extent in enumerate(x.shape) if extent > 1]
    if not axes:
        return None
    axis = net.choose(*axes)
    first = net.number(1, x.shape[axis] - 1)
    shapes = [[*x.shape[:axis], part, *x.shape[axis + 1 :]] for part in (first, x.shape[axis] - first)]
    inputs, fields = [x.name], {"axis": axis + 1}
    if net.opset >= 13:
        inputs.append(net.ints(*(shape[axis] for shape in shapes)))
    else:
        fields["split"] = [shape[axis] for shape in shapes]
    a, b = net.adds("Split", inputs, shapes, **fields)
    return net.add("Concat", [b.name, a.name], x.shape, axis=axis + 1) if net.chance(0.6) else net.choose(a, b)


def joined(net: Growth, x: Tensor) -> Tensor | None:
    if not x.shape or x.size > MOST:
        return None
    y = net.other(x) or x
    axis = net.number(0, len(x.shape) - 1)
    shape = [*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :]]
    return net.add("Concat", [x.name, y.name], shape, axis=axis + 1)


def padded(net: Growth, x: Tensor) -> Tensor | None:
    if not x.shape or x.size > MOST or net.opset < 11:
        return None
    begins, ends = ([net.number(0, 2) for _ in x.shape] for _ in range(2))
    mode = net.choose("constant", "constant", "edge")
    inputs = [x.name, net.ints(0, *begins, 0, *ends)]
    if mode == "constant" and net.chance(0.7):
        inputs.append(net.hold(np.float32(net.choose(-5.0, 0.0, 0.3, 20.0)), "value"))
    return net.add("Pad", inputs, [sum(each) for each in zip(x.shape, begins, ends, strict=True)], mode=mode)


def resized(net: Growth, x: Tensor) -> Tensor | None:
    if len(x.shape) != 3 or x.size > MOST or net.opset < 13:
        return None
    mode, way = net.choose("nearest", "linear"), net.choose("half_pixel", "asymmetric", "align_corners")
    factors = [net.choose(1, 2) for _ in x.shape[1:]]
    shape = [x.shape[0], *(extent * factor for extent, factor in zip(x.shape[1:], factors, strict=True))]
    scales = net.hold(np.float32([1, 1, *factors]), "scales")
    fields = {"mode": mode, "coordinate_transformation_mode": way}
    return net.add("Resize", [x.name, "", scales], shape, **fields)


def spread(net: Growth, x: Tensor) -> Tensor | None:
    """Tile, or Expand of an axis of one."""
    if not x.shape or x.size > MOST:
        return None
    if 1 in x.shape and net.chance(0.6):
        shape = [3 if extent == 1 else extent for extent in x.shape]
        return net.add("Expand", [x.name, net.ints(1, *shape)], shape)
    counts = [net.choose(1, 2) for _ in x.shape]
    shape = [extent * count for extent, count in zip(x.shape, counts, strict=True)]
    return net.add("Tile", [x.name, net.ints(1, *counts)], shape)


def blocks(net: Growth, x: Tensor) -> Tensor | None:
    if len(x.shape) != 3:
        return None
    channels, height, width = x.shape
    if height % 2 == 0 and width % 2 == 0 and net.chance(0.5):
        return net.add("SpaceToDepth", [x.name], [4 * channels, height // 2, width // 2], blocksize=2)
    if channels % 4:
        return None
    shape = [channels // 4, 2 * height, 2 * width]
    return net.add("DepthToSpace", [x.name], shape, blocksize=2, mode=net.choose("DCR", "CRD"))


MOVES = (pool, pool, global_pool, reduction, reduction, flattened, flattened, reshaped, transposed, squeezed, sliced)
MOVES += (gathered, halves, joined, padded, resized, spread, blocks)
