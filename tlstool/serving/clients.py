"""What a server wants of its clients, and what it lets them come back with: files are read, contradictions refused."""

from __future__ import annotations

from tlstool import files, trust
from tlstool.errors import LocalError, UsageError
from tlstool.requests import ServeRequest
from tlstool.sites import ClientAuth, Sessions

TICKET_KEY_SIZES = (48, 80)
"""What OpenSSL and nginx take: a name of 16 bytes, and two secrets of 16 or 32."""


def auth(request: ServeRequest) -> ClientAuth | None:
    """What certificates clients are asked for; None if they are not.

    Raises:
        UsageError: the request contradicts itself.
        LocalError: a file is no good.
    """
    if request.client_certificate is None:
        given = "--client-ca" if request.client_ca else "--client-crl"
        if request.client_ca or request.client_crl:
            raise _usage(f"{given} has no effect by itself", "add --require-client-cert, or --request-client-cert")
        return None
    if not request.client_ca:
        if request.client_certificate == "require":
            raise _usage("--require-client-cert needs --client-ca", "name the authority of your clients with --client-ca FILE")
        if request.client_crl:
            raise _usage("--client-crl needs --client-ca", "name the authority of your clients with --client-ca FILE")
    required = request.client_certificate == "require"
    return ClientAuth(trust.only(request.client_ca), trust.crls(request.client_crl), required)


def sessions(request: ServeRequest) -> Sessions:
    """How sessions are resumed.

    Raises:
        UsageError: the request contradicts itself.
        LocalError: a key file is missing or has the wrong size.
    """
    if request.ticket_key and not request.tickets:
        raise _usage("--tickets off leaves nothing for --ticket-key to seal", "leave one of them out")
    if request.max_early_data and not request.tickets:
        raise _usage("--max-early-data needs tickets: early data goes with a resumed session", "leave out --tickets off")
    if request.max_early_data and request.ticket_key:
        raise _usage(
            "--max-early-data does not go with --ticket-key: only a server that keeps its sessions itself can see to it that "
            "early data is taken once",
            "leave one of them out",
        )
    return Sessions(request.tickets, tuple(_ticket_key(path) for path in request.ticket_key), request.max_early_data)


def _ticket_key(path: str) -> bytes:
    key = files.read(path)
    if len(key) not in TICKET_KEY_SIZES:
        hint = f"make one that nobody else can read: (umask 077; openssl rand 80 > {path})"
        raise LocalError("bad-key", f"{path} has {len(key):,} bytes, and a ticket key has 48 or 80", hint)
    return key


def _usage(message: str, hint: str) -> UsageError:
    return UsageError("usage", message, hint)
