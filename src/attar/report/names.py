"""Names on the terminal: of layers, files and classes, which strangers chose."""

from rich.markup import escape

from ..errors import printable


def shown(name: str) -> str:
    """Return a name as a cell or a line of a report shows it: no character of it is obeyed, by terminal or markup."""
    return escape(printable(name))
