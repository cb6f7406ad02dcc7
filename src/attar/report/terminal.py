"""The report as a person reads it, in tables that fit a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from ..evaluate import Measurement, Task
from .allocation import Allocation
from .document import CurvePoint, LayerChange, Report
from .integers import IntegerRun
from .layers import LayerRow
from .listing import Listing
from .names import shown
from .stages import StageRow

MOST_REASONS = 8  # of operators in floats that are told to a person
COLLAPSE_FROM = 4  # this many initializers left alone for one reason share a line


def size(count: float) -> str:
    """Return bytes for people: 1 kB is 1,000 bytes."""
    if count < 10_000:
        return f"{count:,.0f} B"
    return f"{count / 1000:,.1f} kB" if count < 10_000_000 else f"{count / 1e6:,.2f} MB"


def print_report(report: Report, console: Console) -> None:
    """Print what a run did, the verdict last."""
    if report.task is not None:
        console.print(shown(report.task.line))
    console.print(changes_table(report.changes))
    for line in left_alone_lines(report.left_alone):
        console.print(line)
    for line in declined_lines(report.declined):
        console.print(line)
    if report.stages:
        console.print(Text.from_markup(stages_title(report)))
        console.print(stages_table(report.stages))
    for part in allocation_parts(report.allocation):
        console.print(part)
    if report.integers is not None:
        console.print(integers_text(report.integers))
    if len(report.points) > 1:
        console.print(Text.from_markup(curve_title(report)))
        console.print(curve_table(report.points))
    console.print(verdict_lines(report))


def changes_table(changes: Sequence[LayerChange]) -> Listing:
    """Every layer that changed: before, after, and how."""
    table = Listing("layer", "operator", "shape", ">before", ">after", ">bits/weight", ">zeros", "coder", "how")
    for change in changes:
        count = sum(row.parameters for row in change.now)
        zeros = sum(row.sparsity * row.parameters for row in change.now) / max(count, 1)
        original = 1
        for extent in change.shape:
            original *= extent
        table.add_row(
            shown(change.name),
            shown(change.op_type),
            shape_text(change.shape),
            size(change.bytes_before),
            size(change.bytes_after),
            f"{8 * change.bytes_after / max(original, 1):.2f}",
            f"{100 * zeros:.0f} %",
            ", ".join(dict.fromkeys(row.coder for row in change.now)),
            steps_text(change),
        )
    return table


def rows_table(rows: Sequence[LayerRow]) -> Listing:
    """What `attar inspect` shows."""
    table = Listing(
        "tensor", "operator", "shape", ">parameters", ">MACs", ">bytes", "coder", ">bits/weight", ">zeros", ">distinct"
    )
    for row in rows:
        table.add_row(
            shown(row.name),
            shown(row.op_type),
            shape_text(row.shape),
            f"{row.parameters:,}",
            "-" if row.macs is None else f"{row.macs:,}",
            f"{row.size_bytes:,}",
            row.coder,
            f"{row.bits_per_weight:.2f}",
            f"{100 * row.sparsity:.1f} %",
            f"{row.distinct:,}",
        )
    return table


def curve_title(report: Report) -> str:
    """Say what the figures of the curve are worth."""
    samples = report.samples.get("search")
    if samples is None:
        return "[bold]All points of the run[/] (without samples nothing but their size is known)"
    return (
        f"[bold]All points of the run[/], as {samples:,} search samples saw them (the budget with a margin of "
        "one standard error); the verdict below is of the chosen file alone"
    )


def curve_table(points: Sequence[CurvePoint]) -> Listing:
    """Every network that the run made, the smallest first, the chosen one marked."""
    drop = ">predicted drop" if all(point.is_predicted for point in points) else ">drop"
    table = Listing("", ">point", ">size", drop, ">same answer", ">output error", "budget")
    for point in points:
        table.add_row(
            "[bold]*[/]" if point.chosen else "",
            str(point.number),
            size(point.size_bytes),
            _figure(point.drop, " points"),
            _figure(point.agreement, " %"),
            _figure(point.relative_error, " %"),
            "within" if point.within_budget else "beyond",
        )
    return table


def stages_title(report: Report) -> str:
    """Say what the stages were judged by."""
    found = report.search.get("error_rank_correlation")
    beside = "" if found is None else f"; its rank correlation with the loss of accuracy is {found:.2f}"
    return f"[bold]Stage by stage[/]: E_c is the mean difference of the scores on the search's samples{beside}"


def stages_table(rows: Sequence[StageRow]) -> Listing:
    """The network after every stage, against the original in the first row."""
    table = Listing("stage", ">size", ">times", ">weights", ">not zero", ">bits/weight", ">MACs", ">E_c", ">drop")
    first = rows[0]
    for row in rows:
        table.add_row(
            shown(row.name),
            size(row.size_bytes),
            f"{first.size_bytes / max(row.size_bytes, 1):.1f}",
            f"{row.held.weights:,}",
            f"{100 * row.held.nonzero / max(row.held.weights, 1):.1f} %",
            f"{row.bits_per_weight:.2f}",
            "-" if row.held.macs is None else f"{row.held.macs:,}",
            f"{row.error:.4f}",
            _figure(row.drop, " points"),
        )
    return table


def integers_text(run: IntegerRun) -> str:
    """Say what program is in the file, and what it takes to run it."""
    if not run.operators:
        return f"[yellow]In integers: nothing; the file has no program[/]{_outside_text(run)}"
    tried = ", ".join(f"{shown(name)} {damage:.4g}" for name, damage in run.damages.items())
    return (
        f"[bold]In integers[/] ({shown(run.arithmetic)}): {run.operators} operators in {size(run.program_bytes)} "
        f"of the file, an arena of {run.arena_bytes:,} bytes (lower bound {run.lower_bound_bytes:,}), "
        f"{size(run.memory_bytes)} of memory with weights\n"
        f"  calibrated by {shown(run.calibration)}; damage to the output: {tried}{_outside_text(run)}"
    )


def _outside_text(run: IntegerRun) -> str:
    """Name what stays in floats, with the reasons."""
    if not run.outside:
        return ""
    lines = [f"\n    {shown(reason)}" for reason in list(run.outside.values())[:MOST_REASONS]]
    more = len(run.outside) - len(lines)
    lines += [f"\n    and {more} more: --json names all"] if more > 0 else []
    return f"\n  [yellow]in floats, by onnxruntime: {len(run.outside)} operators[/]" + "".join(lines)


def allocation_parts(allocation: Allocation | str | None) -> list[RenderableType]:
    """Widths of activations in memory, or why there are none."""
    if allocation is None:
        return []
    if isinstance(allocation, str):
        return [f"[yellow]no memory allocated for fixed point: {shown(allocation)}[/]"]
    table = Listing(
        "memory", ">one buffer", ">two in a row", ">weights", ">activations", ">moved", ">sums", ">E_c", ">drop"
    )
    for use in allocation.uses:
        table.add_row(
            shown(use.name),
            *(size(count) for count in (use.shared_bytes, use.ping_pong_bytes, use.weight_bytes, use.activation_bytes)),
            size(use.traffic_bytes),
            "-" if use.accumulator_bits is None else f"{use.accumulator_bits} bits",
            "-" if use.error is None else f"{use.error:.4f}",
            _figure(use.drop, " points"),
        )
    widths = ", ".join(f"{shown(width.name)} {width.bits}" for width in allocation.widths)
    title = f"[bold]Activations in fixed point[/], bytes per inference, on {allocation.samples:,} samples"
    return [Text.from_markup(title), table, Text.from_markup(f"[dim]bits by eq. 5: {widths}[/]")]


def verdict_lines(report: Report) -> RenderableType:
    """Size, quality and budget, in this order."""
    lines = [
        f"[bold]{size(report.size_bytes)}[/] on disk ({report.size_bytes:,} bytes), "
        f"{report.ratio:.1f} times smaller than {size(report.fp32_bytes)} of fp32 weights",
        "  " + chunks_text(report.chunk_sizes),
    ]
    if report.measurement is not None:
        of = "places" if report.task is not None and report.task.kind == "segment" else "samples"
        lines += measurement_lines(report.measurement, of, _predicted(report.task))
        lines += [] if report.in_floats is None else [_floats_line(report.in_floats)]
    elif "picked" in report.search and report.samples:
        lines += _unjudged_lines(next(point for point in report.points if point.chosen))
    lines += [_limit_line(limit, report.budget_is_default) for limit in report.limits]
    lines += _course_lines(report.search)
    return Group(*(Text.from_markup(line) for line in lines))


def _unjudged_lines(point: CurvePoint) -> list[str]:
    """What is known of a file that no verdict's samples have seen."""
    lines = ["[yellow]not judged: these are figures of the search's samples; with --data the file is judged[/]"]
    if point.drop is not None:
        lines.append(f"{'predicted drop' if point.is_predicted else 'drop'} {point.drop:.2f} points")
    if point.agreement is not None:
        lines.append(f"same answer as the original on {point.agreement:.2f} % of the samples")
    if point.relative_error is not None:
        lines.append(f"relative output error {point.relative_error:.2f} %")
    return lines


def _course_lines(search: Mapping[str, Any]) -> list[str]:
    """How the run went: ended early, resumed, picked, and what it kept."""
    lines, work = [], search.get("work")
    if search.get("stopped"):
        lines.append(f"[yellow]The search ended early: {search['stopped']}. This is the best it had found.[/]")
    if "picked" in search:
        lines.append(f"picked: point {search['picked']} of a finished run")
    if "resumed" in search:
        lines.append("resumed: " + _resumed_text(search["resumed"]))
    if work:
        lines.append(f"[dim]{shown(work['folder'])} keeps {size(work['size_bytes'])} to pick and to resume from[/]")
        if work["refused"]:
            lines.append(f"[yellow]damaged or not of this run, and not used: {shown(', '.join(work['refused']))}[/]")
        if work["trouble"]:
            lines.append(f"[yellow]not everything was kept: {shown(work['trouble'])}[/]")
    return lines


def _resumed_text(resumed: Mapping[str, Any]) -> str:
    parts = [_counted(resumed["points"], "point"), "gauge" if resumed["gauge"] else ""]
    return ", ".join(part for part in (*parts, _counted(resumed["layers"], "layer")) if part)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}" if count else ""


def _predicted(task: Task | None) -> str:
    return "predicted drop of r2" if task is not None and task.predicted == "r2" else "predicted drop"


def measurement_lines(m: Measurement, of: str = "samples", predicted: str = "predicted drop") -> list[str]:
    """What the samples said, one fact a line; answers are those of samples or of places."""
    lines = []
    if m.metric is not None:
        lines.append(f"{m.metric} {m.before:.2f} -> [bold]{m.after:.2f}[/] on {m.samples:,} samples")
    if m.drop is not None:
        low, high = m.drop_interval
        word = "drop" if m.metric else f"{predicted} (no labels)"
        lines.append(f"{word} {m.drop:.2f} points, 95 % of {low:.2f} to {high:.2f} (paired)")
    if m.agreement is not None:
        low, high = m.agreement_interval
        share = f"{m.agreement:.2f} % of the {of}, 95 % of {low:.2f} to {high:.2f}"
        lines.append(f"same answer as the original on {share}")
    lines.append(f"relative output error {m.relative_error:.2f} %")
    return lines


def _floats_line(m: Measurement) -> str:
    """What the file's graph did, beside its program, of which all other figures are."""
    metric = "" if m.metric is None else f"{m.metric} {m.after:.2f}, "
    return f"[dim]its graph in floats: {metric}relative output error {m.relative_error:.2f} %[/]"


def left_alone_lines(items: Sequence[tuple[str, tuple[int, ...], str]]) -> list[str]:
    """Name every initializer that stayed and the reason; many of one kind share a line."""
    by_reason: dict[str, list[str]] = {}
    for name, shape, reason in items:
        by_reason.setdefault(reason, []).append(shown(f"{name} {shape_text(shape)}"))
    lines = []
    for reason, names in by_reason.items():
        which = ", ".join(names) if len(names) < COLLAPSE_FROM else f"{', '.join(names[:2])} and {len(names) - 2} more"
        lines.append(f"[dim]left as it is: {which}: {shown(reason)}[/]")
    return lines


def declined_lines(notes: Sequence[tuple[str, str, str]]) -> list[str]:
    """Name the techniques that layers could not take."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for layer, technique, reason in notes:
        by_reason.setdefault((technique, reason), []).append(shown(layer))
    return [
        f"[dim]{what} not for {shown(', '.join(layers))}: {shown(why)}[/]" for (what, why), layers in by_reason.items()
    ]


def chunks_text(chunks: Mapping[str, int]) -> str:
    """Where the bytes of a file are."""
    return ", ".join(f"{name} {count:,}" for name, count in chunks.items() if count)


def shape_text(shape: Sequence[int]) -> str:
    return "x".join(str(extent) for extent in shape) or "scalar"


def steps_text(change: LayerChange) -> str:
    """The steps in a few words: "rank 24, 60 % pruned, 3 bits"."""
    return ", ".join(_step_text(step, change) for step in change.steps)


def _step_text(step: Mapping[str, Any], change: LayerChange) -> str:
    name = step["technique"]
    if name == "approximate.svd":
        return f"rank {min(change.now[0].shape)}"
    if name == "quantize.rate_distortion":
        return "rate distortion" if step["rank"] is None else f"rank {step['rank']}, rate distortion"
    if name == "prune.magnitude":
        return f"prune {100 * step['level']:.0f} %" if step.get("quality") is None else f"prune {step['quality']} std"
    if name == "share.kmeans":
        return f"share {step['clusters']} values"
    if name == "quantize.uniform" and step["deviations"] is not None:
        return f"step {step['deviations']:g} std{' a channel' if step['granularity'] == 'per_channel' else ''}"
    if name == "quantize.uniform":
        return f"{step['bits']} bits{' a channel' if step['granularity'] == 'per_channel' else ''}"
    return name.partition(".")[2].replace("_", " ")


def _limit_line(limit: Any, is_default: bool) -> str:
    unit = {"max-drop": " points", "target-size": " bytes"}.get(limit.name, " %")
    wanted = f"{limit.wanted:,}{unit}" + (" (the default)" if is_default else "")
    if limit.met:
        line = f"[green]{limit.name} {wanted}: kept[/]"
    else:
        line = f"[red]{limit.name} {wanted}: missed by {limit.gap:,.6g}{unit}[/]"
    if not limit.decided:
        needed = "no number of samples" if limit.samples_needed is None else f"about {limit.samples_needed:,} samples"
        line += f"; undecided at 95 %: {needed} would decide it"
    return line


def _figure(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.2f}{unit}"
