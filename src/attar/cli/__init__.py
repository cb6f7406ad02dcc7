"""The command line: one file per command; errors are one line.

Exit status: 0 done, 1 a budget was missed, 2 anything that went wrong, 130 interrupted.
"""

import sys
from contextvars import copy_context

from .ending import close_output, open_output, told
from .notes import notes_at_the_end


def main() -> None:
    """Run the command line and exit."""
    open_output()
    try:
        from .app import run  # here, so that Ctrl-C is met while modules load too

        with notes_at_the_end():
            status = copy_context().run(run, sys.argv[1:])  # limits that are set hold for this command alone
        close_output()
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        status = told(error)
    sys.exit(status)
