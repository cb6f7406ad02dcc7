"""The one family of errors that attar raises: each names the thing, its value and the limit."""

# Marks that turn the direction of what follows, and separators of lines and paragraphs.
MISLEADING = frozenset("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class AttarError(Exception):
    """Base of every error that a caller may want to catch; its text is one line fit for a terminal."""

    def __str__(self) -> str:
        return printable(super().__str__())


class ModelError(AttarError):
    """The network cannot be read, is not valid, or holds what attar refuses (NaN weights, escaping paths)."""


class DataError(AttarError):
    """The samples or labels do not fit the network, are empty, or cannot be read."""


class FormatError(AttarError):
    """An `.attar` file or one of its tensor streams is damaged, truncated or hostile."""


class BudgetError(AttarError):
    """A budget that cannot be meant: negative, not a number, or without the samples that could judge it."""


class RecipeError(AttarError):
    """A recipe or plan names an unknown technique, an unknown setting or a value out of range."""


class PlanError(AttarError):
    """A memory plan is damaged, hostile, wrong in itself, or not one of the network at hand."""


class OutputError(AttarError):
    """The result cannot be written where it was asked for."""


class AttarWarning(UserWarning):
    """Something that was left out or guessed: the result is right for what was taken, and this line says what was."""


def printable(text: str) -> str:
    """Return `text` with what a terminal would obey, or could not show, as escapes: all names of strangers pass here.

    These are control characters (line breaks among them), marks of direction, and halves of surrogate pairs.
    """
    if text.isprintable():
        return text
    return "".join(_escaped(char) if _is_obeyed(char) else char for char in text)


def _is_obeyed(char: str) -> bool:
    return char < " " or "\x7f" <= char < "\xa0" or "\ud800" <= char <= "\udfff" or char in MISLEADING


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text that says anything, or the name of its type."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
