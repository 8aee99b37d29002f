"""`tlstool`, which is also `python -m tlstool`."""

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the program; see `tlstool.cli.main`."""
    # What is imported stays, so that looking for garbage on the way is in vain; it took a fifth of the start-up.
    gc.set_threshold(200_000)
    from tlstool import cli

    cli.main()


if __name__ == "__main__":
    main()
