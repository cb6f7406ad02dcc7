"""How a command ends that does not end well: one line on standard error, and the exit status that says what it was."""

import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from ..errors import AttarError, first_line, printable

FAILED, INTERRUPTED = 2, 130
DEBUG = "ATTAR_DEBUG"  # environment variable: with it errors come with their traceback


def told(error: BaseException) -> int:
    """Say in one line what `error` is and return the exit status; with ATTAR_DEBUG set the traceback comes first."""
    if any(isinstance(cause, KeyboardInterrupt) for cause in _chain(error)):  # a module half loaded wraps it
        print("attar: interrupted; no result was written", file=sys.stderr)
        return INTERRUPTED
    if os.environ.get(DEBUG, "0") not in ("", "0"):
        traceback.print_exception(error)
    print("attar: " + printable(" ".join(_text(error).splitlines())), file=sys.stderr)
    if _is_closed_pipe(error):
        _let_output_go()
    return FAILED


def open_output() -> None:
    """Let standard output and error lead nowhere where the caller has closed them, and escape what they can't spell."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        if hasattr(getattr(sys, name), "reconfigure"):  # tests put something else there
            getattr(sys, name).reconfigure(errors="backslashreplace")


def close_output() -> None:
    """Write out what standard output still holds, where an error can be told.

    Raises:
        OSError: it can't be written.
    """
    try:
        sys.stdout.flush()
    except OSError:
        _let_output_go()
        raise


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_closed_pipe(error: BaseException) -> bool:
    """Whether nobody reads what is printed; Rich makes an exit of it."""
    return any(isinstance(cause, BrokenPipeError) for cause in _chain(error))


def _text(error: BaseException) -> str:
    if isinstance(error, AttarError):
        return str(error)
    if hasattr(error, "format_message"):  # typer's, of words that a command doesn't know
        return _usage_text(error)
    if _is_closed_pipe(error):
        return "standard output was closed before all was written"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else f"output: {error.strerror}"
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, SystemExit):
        return f"somebody else's code ended the command: exit status {error.code}"
    kind = type(error).__name__
    return f"internal error, please report it: {kind}: {first_line(error)} ({DEBUG}=1 shows where)"


def _usage_text(error: BaseException) -> str:
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path if context else 'attar'} --help"


def _let_output_go() -> None:
    """Standard output takes nothing more: what it holds must not fail once more when Python ends."""
    with Path(os.devnull).open("wb") as nowhere:
        try:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        except (OSError, ValueError):  # not a file, as in tests
            return
