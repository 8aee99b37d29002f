"""`tlstool`, which is also `python -m tlstool`."""

import gc
import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the program; see `tlstool.cli.main`."""
    # What is imported stays, so that looking for garbage on the way is in vain; it took a fifth of the start-up.
    gc.set_threshold(200_000)
    # Until `cli.main` can answer Ctrl-C, it ends the process as any other, without a word: there is nothing to tidy up yet.
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tlstool import cli

    signal.signal(signal.SIGINT, before)
    cli.main()


if __name__ == "__main__":
    main()
