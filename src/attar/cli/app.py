"""All commands under one name."""

from collections.abc import Sequence

import typer

from .._version import __version__
from . import bench, compress, eval_, export, inspect, memory, run, techniques, verify

app = typer.Typer(
    name="attar",
    help="A trained network in, the smallest file that still answers right out.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("compress", epilog=compress.EXAMPLES)(compress.command)
app.command("inspect", epilog=inspect.EXAMPLES)(inspect.command)
app.command("verify", epilog=verify.EXAMPLES)(verify.command)
app.command("eval", epilog=eval_.EXAMPLES)(eval_.command)
app.command("run", epilog=run.EXAMPLES)(run.command)
app.command("export", epilog=export.EXAMPLES)(export.command)
app.command("bench", epilog=bench.EXAMPLES)(bench.command)
app.command("memory", epilog=memory.EXAMPLES)(memory.command)
app.command("techniques", epilog=techniques.EXAMPLES)(techniques.command)


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
        with command.make_context("attar", list(words) or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    return 0
