"""`python -m tlstool` is `tlstool`."""

from tlstool.cli import main

main()
