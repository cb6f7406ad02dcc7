"""Try in a child process what may end the process: libraries check some of their assumptions with `abort`."""

import faulthandler
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable


def signal_of(work: Callable[[], object]) -> str | None:
    """Return the name of the signal that ends a process which does `work`; None where it comes to an end by itself.

    Where there is no fork nothing is tried. What the work raises is for whoever does it in earnest.
    """
    if sys.platform != "linux":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, none of which the child needs
        child = os.fork()
    if child == 0:
        _do_and_end(work)
    try:
        _, status = os.waitpid(child, 0)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else None


def _do_and_end(work: Callable[[], object]) -> None:
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        faulthandler.disable()  # it would tell of an end that is asked for
        work()
    finally:
        os._exit(0)
