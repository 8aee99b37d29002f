"""What a handshake on the interpreter's ssl came to, by the names that reports have for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from tlstool import names
from tlstool.backends.openssl.channel import Channel
from tlstool.model import TlsVersion
from tlstool.sessions import Tickets

if TYPE_CHECKING:
    import ssl

_VERSIONS: dict[str | None, TlsVersion] = {"TLSv1": "1.0", "TLSv1.1": "1.1", "TLSv1.2": "1.2", "TLSv1.3": "1.3"}


class Negotiated(NamedTuple):
    """What both ends agreed on, as far as Python tells; see `tlstool.model.Handshake`."""

    tls: TlsVersion | None
    suite: str | None
    alpn: str | None
    kind: Literal["full", "full_with_retry", "resumed"]


def negotiated(channel: Channel) -> Negotiated:
    """What a channel's handshake, which is done, agreed on."""
    tls = channel.tls
    cipher = tls.cipher()
    return Negotiated(
        tls=_VERSIONS.get(tls.version()),
        suite=names.suite(cipher[0]) if cipher else None,
        alpn=tls.selected_alpn_protocol(),
        kind="resumed" if tls.session_reused else "full_with_retry" if channel.seen.hellos > 1 else "full",
    )


def peer_chain(tls: ssl.SSLObject) -> list[bytes]:
    """The peer's chain in DER, as sent; public since Python 3.13, and there under another name before."""
    import ssl

    if hasattr(tls, "get_unverified_chain"):
        return list(tls.get_unverified_chain())
    inner = tls._sslobj  # type: ignore[attr-defined]
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in inner.get_unverified_chain() or ()]


def verified_chain(tls: ssl.SSLObject) -> list[bytes]:
    """The path in DER that was verified, leaf first; empty if none was, or this Python does not tell."""
    import ssl

    if hasattr(tls, "get_verified_chain"):
        return list(tls.get_verified_chain())
    inner = tls._sslobj  # type: ignore[attr-defined]
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in inner.get_verified_chain() or ()]


def tickets(channel: Channel) -> Tickets | None:
    """What came for later, until now.

    None where none came: OpenSSL ignores what comes after its own close_notify, so that some may have been on their way.
    """
    session, tls = channel.tls.session, channel.tls.version()
    if session is None:
        return None
    if tls != "TLSv1.3":
        can_resume = session.has_ticket or bool(session.id)
        return Tickets(int(can_resume), session.ticket_lifetime_hint if session.has_ticket else None)
    return Tickets(count, session.ticket_lifetime_hint) if (count := channel.seen.tickets) else None


def library() -> str:
    """What speaks TLS: `OpenSSL 3.0.19`, or LibreSSL, without the date."""
    import ssl

    return " ".join(ssl.OPENSSL_VERSION.split()[:2])
