"""Why a peer that speaks TLS did not agree to ours: it is asked once more, with all that OpenSSL can offer."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from tlstool import names
from tlstool.errors import ClientCertificateError, TlsToolError
from tlstool.model import Finding
from tlstool.phases import Deadline
from tlstool.requests import TlsOptions

if TYPE_CHECKING:
    from tlstool.backends.openssl.facts import Negotiated

# What a peer says that found nothing in the hello to its liking (RFC 8446 section 6.2).
_NOTHING_IN_COMMON = ("handshake_failure", "protocol_version", "insufficient_security")


def diagnose(
    error: TlsToolError, options: TlsOptions, sni: str | None, dial: Callable[[], socket.socket], deadline: Deadline
) -> Finding | None:
    """Complete the message and the hint of a failed handshake by what the peer would have taken.

    That costs a second connection, on which nothing is verified, no certificate of ours is shown and no data sent.

    Args:
        error: what the handshake failed with; it gets the better words.
        options: what was allowed.
        sni: the name that was sent.
        dial: gives another connection to the peer.
        deadline: of the second handshake.

    Returns:
        A warning that says what was done; None where nothing was to be found out.
    """
    if isinstance(error, ClientCertificateError):
        # Before TLS 1.3 the same alert says so, and a client of TLS 1.3 without a certificate is done before it is refused.
        return None
    if error.code != "peer-incompatible" and error.alert not in _NOTHING_IN_COMMON:
        return None
    from tlstool.backends.openssl.facts import library
    from tlstool.backends.openssl.probe import taken

    try:
        found = taken(dial(), sni, deadline)
    except TlsToolError:
        return None  # it is no matter of what was offered
    agreed = f"TLS {found.tls} with {found.suite}"
    error.message = f"{error.message}; it would take {agreed}"
    error.args = (error.message,)
    error.hint = _hint(found, options)
    words = f"the peer was asked again, by {library()} with all that it has and without a check, and took {agreed}"
    return Finding("asked-again", words)


def _hint(found: Negotiated, options: TlsOptions) -> str:
    """What has to be on the command line for the peer to get what it takes, or what has to go from there."""
    modern = found.tls in ("1.2", "1.3")
    allowed = tuple(map(names.suite, options.ciphers)) or (names.SUITES if modern else (found.suite,))
    needed = [] if found.tls in (options.tls or ("1.2", "1.3")) else [f"--tls {found.tls}"]
    needed += [] if found.suite in allowed else [f"--ciphers {found.suite}"]
    if needed:
        return f"ask for it with {' '.join(needed)}"
    narrow = [option for option, given in (("--groups", options.groups), ("--sigalgs", options.sigalgs)) if given]
    if narrow:
        return f"leave {' and '.join(narrow)} out: it is not the version or the suite that the peer does not take"
    # It is a group, a signature or a short key that makes the difference.
    return "ask for it with --backend openssl"
