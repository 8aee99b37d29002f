"""Everything that can go wrong, by name: one class an exit status, one stable code a cause.

The code is part of the API and of the JSON; the message is for people and may change. Decisions are taken by class or code,
never by message text. The engine reports causes by the same codes (`from_engine`), and a test compares the two lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tlstool.hints import HINTS, HINTS_OF_ALERTS

if TYPE_CHECKING:
    from tlstool.model import Handshake


class TlsToolError(Exception):
    """The root of all errors that tlstool raises on purpose.

    Attributes:
        code: a kebab-case word, one of the class's `codes`.
        message: the cause in one line of words.
        hint: what to do or type next; None where nothing useful is known.
        phase: where it happened: dns, tcp, proxy, starttls, handshake, certificate, close, run; None outside a connection.
        alert: the TLS alert that was received (RFC 8446 section 6), by its IANA name; None if there was none.
        handshake: what was seen of the handshake before it failed; None if nothing was.
    """

    exit_status: ClassVar[int] = 1
    codes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        phase: str | None = None,
        alert: str | None = None,
    ) -> None:
        if code not in self.codes:
            raise ValueError(f"{code!r} is no code of {type(self).__name__}")
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = HINTS.get(code, HINTS_OF_ALERTS.get(alert or "")) if hint is None else hint
        self.phase = phase
        self.alert = alert
        self.handshake: Handshake | None = None


class InternalError(TlsToolError):
    """A bug of tlstool's own, a panic of the engine among them."""

    exit_status = 1
    codes = ("internal-error",)


class UsageError(TlsToolError):
    """The caller asked for something that makes no sense; nothing was sent."""

    exit_status = 2
    codes: ClassVar[tuple[str, ...]] = (
        "usage",
        "bad-target",
        "bad-proxy",
        "unknown-name",
        "no-fast-path",
        "package-missing",
    )


class Unsupported(UsageError):  # noqa: N818 - the field says "unsupported", not "unsupported error"
    """The chosen backend cannot do what was asked; nothing was sent."""

    codes = ("unsupported",)


class LocalError(TlsToolError):
    """Something on this machine is in the way: a file, a key, a port."""

    exit_status = 3
    codes = (
        "file-missing",
        "file-unreadable",
        "file-not-written",
        "no-certificate",
        "bad-certificate-file",
        "no-key",
        "bad-key",
        "key-encrypted",
        "wrong-password",
        "key-mismatch",
        "bad-staple",
        "bad-crl",
        "bad-ech-config",
        "no-roots",
        "port-in-use",
        "cannot-listen",
        "cannot-bind",
        "out-of-descriptors",
        "out-of-threads",
        "too-many-connections",
        "bad-library",
        "bad-baseline",
    )


class ResolveError(TlsToolError):
    """The name has no address, or the resolver did not say."""

    exit_status = 4
    codes = ("unknown-host", "wrong-family", "resolver-failed")


class ConnectError(TlsToolError):
    """No TCP connection came about."""

    exit_status = 5
    codes = ("connection-refused", "connection-failed")


class ProxyError(TlsToolError):
    """The proxy did not lead to the peer."""

    exit_status = 5
    codes = ("proxy-auth-required", "proxy-refused", "proxy-failed", "not-a-proxy")


class TimeLimitError(TlsToolError):
    """A limit ran out; `phase` says which."""

    exit_status = 6
    codes = ("time-limit",)


class NotTlsError(TlsToolError):
    """The peer's first bytes were no TLS."""

    exit_status = 7
    codes = (
        "plain-http",
        "plain-http2",
        "html-page",
        "plain-ssh",
        "plain-smtp",
        "plain-lmtp",
        "plain-imap",
        "plain-pop3",
        "plain-ftp",
        "plain-ldap",
        "plain-postgres",
        "plain-mysql",
        "plain-xmpp",
        "plain-xmpp-server",
        "plain-irc",
        "plain-nntp",
        "plain-sieve",
        "plain-telnet",
        "plain-rdp",
        "plain-mssql",
        "plain-vnc",
        "plain-redis",
        "plain-memcached",
        "plain-amqp",
        "plain-mqtt",
        "plain-socks",
        "ssl2",
        "odd-alert",
        "not-tls",
    )


class StarttlsError(TlsToolError):
    """The peer speaks a protocol that turns to TLS later, or should, and did not turn."""

    exit_status = 7
    codes = ("starttls-refused", "starttls-not-offered", "starttls-broken", "plaintext-after-starttls", "tls-from-first-byte")


class HandshakeError(TlsToolError):
    """The peer speaks TLS, but no handshake came about, or the session broke a rule of TLS."""

    exit_status = 8
    codes = (
        "alert-received",
        "peer-incompatible",
        "peer-misbehaved",
        "handshake-too-large",
        "connection-closed",
        "connection-reset",
        "ech-rejected",
    )


class ChainError(TlsToolError):
    """The peer's chain is not trusted, or it is not valid."""

    exit_status = 9
    codes = (
        "unknown-issuer",
        "self-signed",
        "missing-intermediate",
        "bad-signature",
        "bad-certificate",
        "wrong-purpose",
        "ca-as-leaf",
        "not-a-ca",
        "path-length",
        "name-constraint",
        "unknown-critical-extension",
        "weak-signature",
        "unsupported-signature",
        "weak-key",
        "unsupported-key",
        "certificate-version",
        "chain-too-complex",
        "must-staple-missing",
        "pin-mismatch",
        "tlsa-mismatch",
    )


class NameMismatchError(TlsToolError):
    """The peer's certificate is not for the name that was wanted."""

    exit_status = 10
    codes = ("name-mismatch",)


class ValidityError(TlsToolError):
    """A certificate of the peer's chain is outside its validity."""

    exit_status = 11
    codes = ("expired", "not-yet-valid")


class RevocationError(TlsToolError):
    """A certificate of the peer's chain is revoked, or it had to be known and is not."""

    exit_status = 12
    codes = ("revoked", "revocation-unknown")


class ClientCertificateError(TlsToolError):
    """The peer wanted a certificate from us and got none, or refused ours."""

    exit_status = 13
    codes = ("client-certificate-required", "client-certificate-refused")


class TruncatedError(TlsToolError):
    """The peer ended in the middle: without close_notify (RFC 8446 section 6.1) where that was forbidden, or of a body."""

    exit_status = 14
    codes = ("truncated",)


class ThresholdError(TlsToolError):
    """The connection is fine, but a limit is missed, or what was asked of the peer did not come."""

    exit_status = 15
    codes = ("expires-soon", "expectation-missed", "not-http", "assertion-failed", "limit-missed")


class Interrupted(TlsToolError):  # noqa: N818 - a wish of the user, no error
    """Ctrl-C."""

    exit_status = 130
    codes = ("interrupted",)


_PRECEDENCE = (130, 1, 12, 9, 10, 11, 13, 8, 7, 5, 6, 4, 3, 14, 15)


def cause(error: OSError) -> str:
    """What the system says was in the way, for the middle of a message."""
    return (error.strerror or str(error)).lower()


def subclasses(cls: type[TlsToolError] = TlsToolError) -> tuple[type[TlsToolError], ...]:
    """Every error class, the root first."""
    return (cls, *(c for child in cls.__subclasses__() for c in subclasses(child)))


def by_code(code: str) -> type[TlsToolError]:
    """The class that owns a code.

    Raises:
        KeyError: no class does.
    """
    for cls in subclasses():
        if code in cls.codes:
            return cls
    raise KeyError(code)


def rank(code: str) -> int:
    """Which of several faults of one chain decides: revocation, then the chain, then the name, then the dates; least first."""
    return (RevocationError, ChainError, NameMismatchError, ValidityError).index(by_code(code))


def precedence(exit_status: int) -> int:
    """Where a status stands among those of many peers, of which the least decides for the whole run."""
    return _PRECEDENCE.index(exit_status) if exit_status in _PRECEDENCE else len(_PRECEDENCE)


def make(code: str, message: str, hint: str | None = None, **facts: str | None) -> TlsToolError:
    """The error of a code whose class the caller does not know: a finding's, or the engine's."""
    return by_code(code)(code, message, hint, **facts)
