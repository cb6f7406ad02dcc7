"""Rows that fit where they are printed, names never cut: side by side where there is room, else one under the other."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

GAP, INDENT = 2, 4


class Listing:
    """A table of a name and what goes with it.

    On a terminal that is too narrow every name has a line of its own, the cells behind their headings below it; where
    nobody looks (a pipe, a file) all rows are as long as they are.
    """

    def __init__(self, *headings: str, title: str | None = None) -> None:
        """`headings`: ">" in front of those whose cells stand to the right."""
        self._headings = [heading.lstrip(">") for heading in headings]
        self._right = [heading.startswith(">") for heading in headings]
        self._rows: list[list[Text]] = []
        self._title = title

    def add_row(self, *cells: str | Text) -> None:
        """Add a row of cells in Rich's markup."""
        self._rows.append([cell if isinstance(cell, Text) else Text.from_markup(cell) for cell in cells])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = [max(len(head), *self._widths(n)) for n, head in enumerate(self._headings)]
        fits = sum(widths) + GAP * (len(widths) - 1) <= options.max_width or not console.is_terminal
        if self._title:
            yield _line(Text(self._title, "bold"))
        yield from map(_line, self._beside(widths) if fits else self._below(options.max_width))

    def _widths(self, column: int) -> list[int]:
        return [row[column].cell_len for row in self._rows] or [0]

    def _beside(self, widths: Sequence[int]) -> Iterator[Text]:
        heads = [Text(heading, "bold") for heading in self._headings]
        for row in (heads, *self._rows):
            line = Text()
            for cell, width, right in zip(row, widths, self._right, strict=True):
                space = " " * (width - cell.cell_len)
                line.append_text(Text.assemble(space, cell) if right else Text.assemble(cell, space))
                line.append(" " * GAP)
            line.rstrip()
            yield line

    def _below(self, width: int) -> Iterator[Text]:
        """Yield every row as its name and, indented, the cells that say anything."""
        first = 0 if self._headings[0] else 1  # a mark stands in front of the name
        for row in self._rows:
            yield Text(" ").join([cell for cell in row[: first + 1] if cell.plain])
            line = Text()
            for heading, cell in zip(self._headings[first + 1 :], row[first + 1 :], strict=True):
                piece = Text.assemble((heading, "dim"), " ", cell)
                if line and INDENT + line.cell_len + GAP + piece.cell_len > width:
                    yield Text(" " * INDENT) + line
                    line = Text()
                line = Text.assemble(line, " " * GAP, piece) if line else piece
            if line:
                yield Text(" " * INDENT) + line


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ignore"
    return text
