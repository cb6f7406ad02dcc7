"""All commands under one name."""

import os
from collections.abc import Sequence

import typer

from .._version import __version__
from . import bench, compress, eval_, export, inspect, memory, techniques, verify
from . import run as run_

HELP = {"help_option_names": ["-h", "--help"]}
COMPLETE = "_ATTAR_COMPLETE"  # environment variable, set by the shell that asks for completions
COMPLETIONS = ("--install-completion", "--show-completion")

app = typer.Typer(
    name="attar",
    help="A trained network in, the smallest file that still answers right out.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=HELP,
)
COMMANDS = {
    "compress": compress,
    "inspect": inspect,
    "verify": verify,
    "eval": eval_,
    "run": run_,
    "export": export,
    "bench": bench,
    "memory": memory,
    "techniques": techniques,
}


def _paragraphs(text: str) -> str:
    """Return a docstring with every paragraph in one line: the terminal's width breaks them, not the source's."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


for _name, _module in COMMANDS.items():
    _help = _paragraphs(_module.command.__doc__)
    app.command(_name, help=_help, epilog=_module.EXAMPLES, context_settings=HELP)(_module.command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"attar {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """A trained network in, the smallest file that still answers right out."""


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit status; without words, the help.

    Whatever a command raises comes through: typer's own way to end would call a closed pipe a missed budget.
    """
    command = typer.main.get_command(app)
    try:
        if COMPLETE in os.environ or (words and words[0] in COMPLETIONS):
            return _complete(command, words)
        with command.make_context("attar", list(words) or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return 0


def _complete(command: typer.core.TyperGroup, words: Sequence[str]) -> int:
    """Answer the shell that asks what a line may go on with, or how it can be made to ask."""
    try:
        return command.main(list(words), prog_name="attar") or 0
    except SystemExit as end:
        return int(end.code or 0)
