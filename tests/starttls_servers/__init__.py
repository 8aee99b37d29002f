"""Real servers that turn to TLS: each in a folder of its own, on free ports of 127.0.0.1, until the tests are over.

Load as a pytest plugin, after `credentials`: `pytest_plugins = ("credentials", "starttls_servers")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from starttls_servers import chat, data, mail
from starttls_servers.premises import Premises

if TYPE_CHECKING:
    from credentials import Credentials

Start = Callable[[Premises], dict[str, int]]
"""Starts a server; gives its ports by what is spoken there, once it listens on them: `smtp-without` has SMTP, and no TLS."""

MAKERS: dict[str, Start] = {
    "postfix": mail.postfix,
    "dovecot": mail.dovecot,
    "vsftpd": data.vsftpd,
    "slapd": data.slapd,
    "postgresql": data.postgresql,
    "mariadb": data.mariadb,
    "prosody": chat.prosody,
    "inspircd": chat.inspircd,
}


class RealServers:
    """Starts a server when it is first asked for; all of them end with the session."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._running: dict[str, tuple[Premises, dict[str, int]]] = {}

    def target(self, maker: str, spoken: str) -> str:
        """Where a maker's server speaks so, under the name of its certificate."""
        if maker not in self._running:
            premises = Premises(maker, self._credentials.good)
            self._running[maker] = premises, {}
            self._running[maker] = premises, MAKERS[maker](premises)
        return f"localhost:{self._running[maker][1][spoken]}"

    def close(self) -> None:
        """End all of them."""
        for premises, _ in self._running.values():
            premises.close()


@pytest.fixture(scope="session")
def real_servers(credentials: Credentials) -> Iterator[RealServers]:
    """The servers, which start when a test asks for them."""
    found = RealServers(credentials)
    yield found
    found.close()
