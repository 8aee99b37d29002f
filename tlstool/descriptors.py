"""How many files and sockets this process may have open, and what is said when it has them all."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tlstool.errors import LocalError


@contextmanager
def all_allowed() -> Iterator[None]:
    """While inside, the process may have as many as it may have at all: the soft limit (RLIMIT_NOFILE) is the hard one."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems say "any number" and mean less.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def lack(error: OSError, what: str) -> LocalError | None:
    """The same as an error of ours, if `error` is that there are no descriptors left; `what` could not be done."""
    if error.errno not in (errno.EMFILE, errno.ENFILE):
        return None
    return LocalError("out-of-descriptors", f"{what}: {(error.strerror or str(error)).lower()}")
