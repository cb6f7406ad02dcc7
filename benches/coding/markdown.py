"""Records to markdown: tables, bars that were met or missed, and the section of a page that a script owns."""

from collections.abc import Iterable
from pathlib import Path


def table(heads: str, rows: Iterable[Iterable[object]]) -> str:
    """Return a table; `heads` are separated by |, and one that begins with > stands over a column of numbers."""
    names = heads.split("|")
    lines = [names, ["--:" if name.startswith(">") else "---" for name in names], *rows]
    lines[0] = [name.removeprefix(">") for name in names]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def at_least(value: float, bar: float) -> str:
    return verdict(value >= bar, f"at least {bar:g}")


def at_most(value: float, bar: float) -> str:
    return verdict(value <= bar, f"at most {bar:g}")


def verdict(is_met: bool, bar: str) -> str:
    return f"{bar}: met" if is_met else f"{bar}: **missed**"


def rewrite(page: Path, begin: str, end: str, text: str) -> None:
    """Put `text` between the marks `begin` and `end` of `page`. Raises SystemExit where it has none."""
    before, begun, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise SystemExit(f"{page.name}: no section between {begin} and {end}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
