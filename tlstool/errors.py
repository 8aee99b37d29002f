"""Everything that can go wrong, by name: one class an exit status, one stable code a cause.

The code is part of the API and of the JSON; the message is for people and may change. Decisions are taken by class or code,
never by message text. The engine reports causes by the same codes (`from_engine`), and a test compares the two lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

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
        "bad-crl",
        "bad-ech-config",
        "no-roots",
        "port-in-use",
        "cannot-listen",
        "cannot-bind",
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

HINTS: dict[str, str] = {
    "internal-error": "this is a bug in tlstool: please report it with the output of tlstool --version",
    "key-encrypted": "put the pass phrase into a file and name it with --pass-file FILE, or decrypt the key: "
    "openssl pkey -in FILE -out PLAIN",
    "wrong-password": "the pass phrase is the first line of --pass-file, without its end; spaces count",
    "key-mismatch": "--key has to be the private key of the first certificate in --cert",
    "bad-library": "--against takes the path of a libssl (libssl.so.3 or the like), or openssl for the one of Python's ssl",
    "bad-baseline": "make one with: tlstool bench local --export json:FILE",
    "package-missing": "pip install 'tlstool[report]'",
    "unsupported": "another --backend may be able to",
    "unknown-host": "check the spelling, or use an address and --sni NAME",
    "connection-refused": "is the server running, and is the port right?",
    "cannot-bind": "an address of this machine is wanted: ip address shows them",
    "proxy-auth-required": "write the user before the host, as in http://USER@HOST:PORT, and add --proxy-pass-file FILE",
    "proxy-refused": "may the proxy go to that host and port? --no-proxy '*' goes around it",
    "proxy-failed": "is that a proxy, and does it speak the protocol of the URL: http://, socks5h://, socks4a://?",
    "not-a-proxy": "is that the port of the proxy, and does it speak the protocol of the URL: http://, socks5h://, socks4a://?",
    "plain-http": "try http:// or another port",
    "plain-ssh": "try ssh, or another port",
    "plain-smtp": "the server expects STARTTLS on this port; the port for TLS from the first byte is 465",
    "plain-imap": "the server expects STARTTLS on this port; the port for TLS from the first byte is 993",
    "plain-pop3": "the server expects STLS on this port; the port for TLS from the first byte is 995",
    "plain-ftp": "the server expects AUTH TLS on this port; the port for TLS from the first byte is 990",
    "plain-http2": "the port is for HTTP/2 in the clear (h2c): try the server's port for https",
    "html-page": "a server for plain HTTP may answer so, and so may a proxy or a portal in the way",
    "plain-lmtp": "the server expects STARTTLS: --starttls lmtp",
    "plain-ldap": "the server expects StartTLS on this port: --starttls ldap; the port for TLS from the first byte is 636",
    "plain-postgres": "the server turns to TLS when asked: --starttls postgres",
    "plain-mysql": "the server turns to TLS when asked: --starttls mysql",
    "plain-xmpp": "the server turns to TLS when asked: --starttls xmpp; the port for TLS from the first byte is 5223",
    "plain-xmpp-server": "the server turns to TLS when asked: --starttls xmpp-server",
    "plain-irc": "the server may turn to TLS when asked: --starttls irc; the port for TLS from the first byte is 6697",
    "plain-nntp": "the server may turn to TLS when asked: --starttls nntp; the port for TLS from the first byte is 563",
    "plain-sieve": "the server turns to TLS when asked: --starttls sieve",
    "plain-telnet": "the server may turn to TLS when asked: --starttls telnet; the port for TLS from the first byte is 992",
    "plain-rdp": "the server turns to TLS when asked: --starttls rdp",
    "plain-mssql": "the server turns to TLS when asked: --starttls mssql",
    "plain-vnc": "VNC has TLS inside its own handshake only, which is not spoken here",
    "plain-redis": "Redis has TLS on a port of its own, which its tls-port names: often 6380",
    "plain-memcached": "memcached has TLS on a port of its own, if it was started with --enable-ssl",
    "plain-amqp": "the port for TLS from the first byte is 5671",
    "plain-mqtt": "the port for TLS from the first byte is 8883",
    "plain-socks": "to go through it, name it with --proxy socks5h://HOST:PORT",
    "ssl2": "the server wants replacing: nothing that is kept today speaks SSL 2",
    "odd-alert": "the server knows some TLS, but not this hello: try --tls 1.2, or --tls 1.0,1.1,1.2",
    "not-tls": "the port may be for another protocol, or for one that turns to TLS only later: try another port",
    "starttls-refused": "the server has TLS, or should have it, and does not give it now: its own words may say why",
    "starttls-not-offered": "is TLS configured there? another port may have it from the first byte",
    "handshake-too-large": "the server should send fewer certificates, or one with fewer names",
    "connection-closed": "the peer may want another TLS version or SNI: try --tls 1.2 or --sni NAME",
    "connection-reset": "the port may not be for TLS, or the peer wants another TLS version or SNI: try --tls 1.2 or --sni NAME",
    "unknown-issuer": "if the authority is your own, name its certificate with --ca FILE, or --extra-ca FILE besides others",
    "self-signed": "if you trust this very certificate, save it (--chain FILE) and name it with --ca FILE",
    "missing-intermediate": "the server should send the intermediate certificate; until then, --ca FILE can supply it",
    "bad-signature": "the certificate was changed, or another authority has the same name: have it issued anew",
    "bad-certificate": "have the certificate issued anew, or see what it says with --json",
    "wrong-purpose": "the server needs a certificate whose extendedKeyUsage has serverAuth; --purpose any leaves that out",
    "ca-as-leaf": "the first certificate has to be the server's own, and that of no authority",
    "not-a-ca": "the server has to send the certificates of authorities behind its own; have it issued by one",
    "path-length": "the authority has to issue the certificate itself, or be given a longer pathLenConstraint",
    "name-constraint": "have the certificate issued by an authority that may do so for this name",
    "unknown-critical-extension": "have the certificate issued without it, or not marked as critical",
    "weak-signature": "have the certificate issued anew with SHA-256",
    "unsupported-signature": "have the certificate issued anew with ECDSA or RSA and SHA-256; --backend openssl may know more",
    "weak-key": "the owner needs a new key: ecdsa-p256, or rsa-2048 at least",
    "unsupported-key": "another --backend may take it; everybody takes ecdsa-p256 and rsa-2048",
    "certificate-version": "have the certificate issued anew as version 3, with its names in subjectAltName",
    "chain-too-complex": "have the server send the certificates that lead to a root, and no others",
    "must-staple-missing": "turn OCSP stapling on at the server, or have the certificate issued without that demand",
    "pin-mismatch": "if the server has a new key on purpose, pin that",
    "tlsa-mismatch": "the record in the DNS has to be of this key or certificate: publish it before the certificate changes",
    "expired": "the server needs a new certificate; if this one should be good, is the clock of this machine right?",
    "not-yet-valid": "is the clock of this machine right?",
    "revoked": "the server needs a new certificate, with a new key",
    "revocation-unknown": "fetch the list that the certificate names, and give it with --crl FILE",
    "name-mismatch": "connect by a name that the certificate has, or give it with --verify-name NAME",
    "client-certificate-required": "give one with --cert FILE --key FILE",
    "bad-ech-config": "--ech takes an ECHConfigList as base64, as PEM (RFC 9934) or as it is; auto asks the DNS for one",
    "ech-rejected": "the configuration may be out of date: ask the DNS for the present one with --ech auto",
    "truncated": "what was received may be incomplete",
}
"""The standing hint of a code. An error that knows better brings its own."""

HINTS_OF_ALERTS: dict[str, str] = {
    "protocol_version": "the peer speaks none of the versions that were offered: allow others, such as --tls 1.0,1.1,1.2",
    "handshake_failure": "the peer found nothing in common: try other --tls, --ciphers or --groups, or --sni NAME",
    "insufficient_security": "the peer wants stronger suites or groups: leave --ciphers and --groups out",
    "unrecognized_name": "the peer serves no such name: try another with --sni NAME, or --no-sni",
    "no_application_protocol": "the peer takes none of the offered protocols: try another --alpn, or leave it out",
}
"""What may help against an alert that the peer sent, where its code has no hint."""

HINTS_OF_PHASES: dict[str, str] = {
    "dns": "is a name server reachable? an address needs none: give it, and the name with --sni NAME",
    "tcp": "a firewall may be dropping the packets: are the address and the port right?",
    "proxy": "the proxy took the connection: does it speak the protocol of its URL, and can it reach that host and port?",
    "starttls": "is --starttls the protocol of the port? where TLS begins with the first byte, leave it out",
    "handshake": "the peer took the connection, but did not finish the handshake: does the port speak TLS from the first byte?",
}
"""What may help where a phase ran out of time."""


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
