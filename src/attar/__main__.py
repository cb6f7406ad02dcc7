"""`python -m attar`: the command line, without the current folder where Python looks for modules first."""

import os
import sys

if sys.path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - nothing may be imported before this
    del sys.path[0]

from .cli import main

if __name__ == "__main__":
    main()
