"""What holds for the tests of every folder."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that; tests press Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
