"""The command line: one file per command; errors are one line.

Exit status: 0 done, 1 a budget was missed, 2 bad input, 3 a bug of ours, 130 interrupted.
"""

import sys
import traceback
from pathlib import Path

import typer

from .._version import __version__
from ..errors import AttarError
from . import bench, compress, eval_, export, inspect, memory, run, techniques, verify

app = typer.Typer(
    name="attar",
    help="A trained network in, the smallest file that still answers right out.",
    no_args_is_help=True,
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


def main() -> None:
    """Run the command line."""
    sys.path.append(str(Path.cwd()))  # module:function may stand in the current folder; last, so that it hides nothing
    try:
        app()
    except AttarError as error:
        print(f"attar: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("attar: interrupted; no result was written", file=sys.stderr)
        sys.exit(130)
    except Exception:  # a status of its own: 1 would say that a budget was missed
        traceback.print_exc()
        sys.exit(3)
