"""The console script ``slo``."""

import signal
import sys

from slo._slo import main as _run


def main() -> None:
    """Run the ``slo`` command and exit with its code."""
    # While Rust runs, Python cannot see Ctrl-C; let it end the process as it does for any program.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_run(sys.argv))
