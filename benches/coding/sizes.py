"""The bytes of attar and NNCodec for the same integers, their order-0 entropy, and the levels coder's own ideal."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby

import nets
import numpy as np
from peers import environment

from attar import codec
from coding import ideal
from coding.markdown import table, verdict

SCALES = np.ones(1, np.float32)
BATCH = 1 << 23  # weights that one start of NNCodec is given; a larger tensor goes alone
SHARE, BYTES = 0.005, 32  # the levels coder may take so much more than its ideal
WORST = 15
DISTANCES = f"""### The levels coder and its own ideal

The ideal is the code length of the tokens, their extra bits and the levels under the model that was chosen; the actual
bytes are all of the payload, tables counted. The bar: every tensor at most {SHARE:.1%} and {BYTES} bytes above."""


@dataclass(frozen=True)
class Sized:
    """One tensor at one rate: bytes of each method. `levels_bytes` are that coder's, chosen or not, header included."""

    net: str
    rate: float
    name: str
    shape: tuple[int, ...]
    count: int
    entropy_bytes: float
    nncodec_bytes: int
    attar_bytes: int
    coder: str
    levels_bytes: int
    side_bytes: int
    ideal_bytes: float

    @property
    def ratio(self) -> float:
        return self.attar_bytes / self.nncodec_bytes

    @property
    def beyond_bytes(self) -> float:
        """Above 0: the levels payload is farther from its ideal than it may be."""
        return self.levels_bytes - self.ideal_bytes * (1 + SHARE) - BYTES


def measure(net: str, rate: float) -> Iterator[Sized]:
    """Yield the tensors of a net, quantized to `rate` bits per weight."""
    for batch in batches(nets.quantize(nets.NETS[net], rate)):
        peer = environment.measure("nncodec", batch)
        for name, integers in batch.items():
            yield sized(net, rate, name, integers, peer[name].size_bytes)


def batches(tensors: nets.Tensors) -> Iterator[dict[str, np.ndarray]]:
    batch: dict[str, np.ndarray] = {}
    for name, integers in tensors:
        if batch and sum(held.size for held in batch.values()) + integers.size > BATCH:
            yield batch
            batch = {}
        batch[name] = integers
    yield batch


def sized(net: str, rate: float, name: str, integers: np.ndarray, nncodec_bytes: int) -> Sized:
    hint = codec.GridHint(integers, SCALES)
    encoded = codec.encode(integers.astype(np.float32), hint=hint)
    levels_bytes, side_bytes, ideal_bytes = ideal.levels_sizes(integers.reshape(-1), integers.shape)
    return Sized(
        net,
        rate,
        name,
        integers.shape,
        integers.size,
        entropy_bytes=nets.entropy(integers) * integers.size / 8,
        nncodec_bytes=nncodec_bytes,
        attar_bytes=encoded.size_bytes,
        coder=codec.describe(encoded.coder),
        levels_bytes=levels_bytes,
        side_bytes=side_bytes,
        ideal_bytes=ideal_bytes,
    )


def record(row: Sized) -> dict:
    return asdict(row)


# Tables.


def tables(rows: Sequence[Sized]) -> str:
    return "\n\n".join([totals(rows), worst(rows), distances(rows)])


def totals(rows: Sequence[Sized]) -> str:
    lines = []
    for (net, rate), group in grouped(rows):
        total = added(group)
        larger = sum(row.attar_bytes > row.nncodec_bytes for row in group)
        lines.append(
            [
                net,
                f"{rate:g}",
                f"{total.entropy_bytes:,.0f}",
                f"{total.nncodec_bytes:,}",
                f"{total.attar_bytes:,}",
                f"{total.ratio:.4f}",
                f"{total.attar_bytes / total.entropy_bytes:.4f}",
                f"{larger} of {len(group)}",
            ]
        )
    heads = "weights|>bits per weight|>order-0 entropy|>NNCodec|>attar|>attar / NNCodec|>attar / entropy"
    return f"### Sizes, bytes\n\n{table(heads + '|>tensors larger than with NNCodec', lines)}"


def worst(rows: Sequence[Sized]) -> str:
    """Return the tensors for which attar saves least, of those that take more than a few bytes."""
    lines = [
        [
            row.net,
            f"{row.rate:g}",
            row.name,
            " x ".join(map(str, row.shape)),
            f"{8 * row.entropy_bytes / row.count:.2f}",
            f"{row.nncodec_bytes:,}",
            f"{row.attar_bytes:,}",
            f"{row.ratio:.4f}",
            row.coder,
        ]
        for row in sorted(rows, key=lambda row: -row.ratio)[:WORST]
    ]
    heads = "weights|>aimed at|tensor|shape|>order-0 bits|>NNCodec|>attar|>ratio|coder"
    return f"### Where attar gains least\n\n{table(heads, lines)}"


def distances(rows: Sequence[Sized]) -> str:
    lines = []
    for (net, rate), group in grouped(rows):
        total, last = added(group), max(group, key=lambda row: row.beyond_bytes)
        lines.append(
            [
                net,
                f"{rate:g}",
                f"{total.ideal_bytes:,.0f}",
                f"{total.levels_bytes:,}",
                share(total.levels_bytes - total.ideal_bytes, total),
                share(total.side_bytes, total),
                f"{last.name}, {last.count:,} weights: {last.levels_bytes:,} for {last.ideal_bytes:,.0f}",
                within([row.beyond_bytes for row in group]),
            ]
        )
    heads = "weights|>bits per weight|>ideal, bytes|>actual|>above|>levels, of the ideal|the farthest tensor"
    return f"{DISTANCES}\n\n{table(heads + '|within the bar', lines)}"


def within(beyond_bytes: Sequence[float]) -> str:
    """Return how many tensors are within the bar, and whether all of them are."""
    met = sum(beyond <= 0 for beyond in beyond_bytes)
    return verdict(met == len(beyond_bytes), f"{met} of {len(beyond_bytes)}")


def share(size: float, total: Sized) -> str:
    return f"{100 * size / total.ideal_bytes:.2f} %"


def grouped(rows: Sequence[Sized]) -> Iterator[tuple[tuple[str, float], list[Sized]]]:
    for key, group in groupby(rows, key=lambda row: (row.net, row.rate)):
        yield key, list(group)


def added(group: Sequence[Sized]) -> Sized:
    names = [name for name in asdict(group[0]) if name == "count" or name.endswith("_bytes")]
    return replace(group[0], **{name: sum(getattr(row, name) for row in group) for name in names})
