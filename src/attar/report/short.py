"""A report in three lines: what a result says of itself."""

from .document import Report
from .terminal import size


def result_lines(report: Report) -> list[str]:
    """Return size and ratio, what was measured, and the budget, as plain text."""
    lines = [f"{report.size_bytes:,} bytes, {report.ratio:.1f} times smaller than {size(report.fp32_bytes)} of weights"]
    if report.measurement is not None:
        lines.append(_measured(report))
    if report.limits:
        lines.append(", ".join(_limit(limit) for limit in report.limits))
    return lines


def _measured(report: Report) -> str:
    m = report.measurement
    parts = [] if m.metric is None else [f"{m.metric} {m.before:.2f} -> {m.after:.2f}"]
    if m.drop is not None:
        parts.append(f"{'drop' if m.metric else 'predicted drop'} {m.drop:.2f} points")
    parts.append(f"output error {m.relative_error:.2f} %")
    return f"{', '.join(parts)} on {m.samples:,} samples"


def _limit(limit: object) -> str:
    return f"{limit.name} {limit.wanted:,} {'kept' if limit.met else 'missed'}"
