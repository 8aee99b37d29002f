"""Pass phrases for files that are read again while a server runs, when nobody sits there to be asked."""

from __future__ import annotations

from tlstool import identities, passphrase
from tlstool.errors import LocalError


class Phrases:
    """An `identities.Secret` that asks whoever sits at the terminal only until the server is `settled`, and for each thing once.

    A file is read anew each time, so that it may change together with what it opens; standard input cannot be.
    """

    def __init__(self, pass_file: str | None) -> None:
        self._pass_file = pass_file
        self._ask = identities.asking(pass_file)
        self._known: dict[str, bytes] = {}
        self._settled = False

    def settled(self) -> None:
        """From now on, nobody is asked."""
        self._settled = True

    def __call__(self, what: str) -> bytes:
        """The pass phrase of a thing.

        Raises:
            LocalError: `key-encrypted` if there is nobody to ask; `file-missing` or `file-unreadable`.
        """
        if self._pass_file not in (None, "-"):
            return passphrase.read(self._pass_file or "")
        # What comes over standard input is for all of them.
        name = what if self._pass_file is None else ""
        if name not in self._known:
            if self._settled:
                raise LocalError("key-encrypted", f"{what} is encrypted, and a running server does not ask for pass phrases")
            self._known[name] = self._ask(what)
        return self._known[name]
