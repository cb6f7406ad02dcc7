"""What holds for all tests.

Properties meet new examples at every run here and the same ones in CI; how long one takes is no property. A shell that
starts the tests in the background lets them ignore Ctrl-C, and the commands that they start inherit that: the tests
that press it need the usual handler.
"""

import os
import signal

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
