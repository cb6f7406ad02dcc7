"""The one family of errors that attar raises: each names the thing, its value and the limit."""


class AttarError(Exception):
    """Base of every error that a caller may want to catch; its text is one line fit for a terminal."""


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


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text that says anything, or the name of its type."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
