"""What OpenSSL and the socket report, as errors of ours: by code and reason, never by the text of a message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlstool.errors import ClientCertificateError, HandshakeError, TlsToolError, cause, make

if TYPE_CHECKING:
    import ssl

    from tlstool.backends.openssl.observed import Observed

# The registry of RFC 8446 section 12, with what RFC 5246 and older versions of TLS had besides.
_ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}

# What servers say to a client whose certificate, or lack of one, they do not take (RFC 8446 section 6.2). Without one, GnuTLS
# before TLS 1.3 says decode_error, too: a list with no certificate is malformed to it.
_ABOUT_CERTIFICATE = frozenset(
    {
        "access_denied",
        "bad_certificate",
        "certificate_expired",
        "certificate_required",
        "certificate_revoked",
        "certificate_unknown",
        "decrypt_error",
        "handshake_failure",
        "no_certificate",
        "unknown_ca",
        "unsupported_certificate",
    }
)
_CERTIFICATE_WANTED = _ABOUT_CERTIFICATE | {"decode_error"}

_CERTIFICATE = 11
"""The handshake message with the peer's chain (RFC 8446 section 4.4.2)."""

_ALERT_REASON = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_ALERT_(\w+)")

_INCOMPATIBLE = frozenset(
    {
        "CA_KEY_TOO_SMALL",
        "CA_MD_TOO_WEAK",
        "DH_KEY_TOO_SMALL",
        "EE_KEY_TOO_SMALL",
        "NO_SHARED_CIPHER",
        "NO_SHARED_GROUP",
        "NO_SHARED_GROUPS",
        "NO_SHARED_SIGNATURE_ALGORITHMS",
        "NO_SUITABLE_GROUPS",
        "NO_SUITABLE_KEY_SHARE",
        "NO_SUITABLE_SIGNATURE_ALGORITHM",
        "UNSAFE_LEGACY_RENEGOTIATION_DISABLED",
        "UNSUPPORTED_ELLIPTIC_CURVE",
        "UNSUPPORTED_PROTOCOL",
        "UNSUPPORTED_SSL_VERSION",
        "VERSION_TOO_LOW",
        "WRONG_SIGNATURE_TYPE",
        "WRONG_SSL_VERSION",
    }
)

_DURING = {"handshake": "handshake", "run": "session"}

_TOO_LARGE = frozenset({"EXCESSIVE_MESSAGE_SIZE"})


@dataclass(slots=True)
class Seen:
    """What went by in a handshake that OpenSSL does not tell otherwise.

    Attributes:
        alert: number of the alert that the peer sent, None for none.
        requested: whether the server asked for a certificate; None if that cannot be seen here.
        sent: whether a certificate of ours went out.
        message: number of the handshake message that the peer sent last, None for none.
        hellos: how many ClientHellos there were: a second one answers a HelloRetryRequest.
        sni: the name that a client sent.
        observed: what reads along with a client's connection; None for a server's, and where that cannot be seen here.
        tickets: how many NewSessionTicket messages there were; None if that cannot be seen here.
    """

    alert: int | None = None
    requested: bool | None = None
    sent: bool = False
    message: int | None = None
    hellos: int = 0
    sni: str | None = None
    tickets: int | None = None
    observed: Observed | None = None


def alert_name(number: int) -> str:
    """An alert's name in the registry: `handshake_failure`, or `alert 123`."""
    return _ALERTS.get(number, f"alert {number}")


def failure(error: OSError, seen: Seen, phase: str) -> TlsToolError:
    """The error for what a handshake, or a session, failed with."""
    import ssl

    if not isinstance(error, ssl.SSLError):
        words = cause(error)
        return HandshakeError("connection-reset", f"the connection broke: {words}", phase=phase)
    if alert := _alert(error, seen):
        return _alerted(alert, seen, phase)
    if seen.sent and seen.alert is None and isinstance(error, ssl.SSLEOFError) and phase == "handshake":
        return refused_silently(phase)
    if seen.alert == 0 or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return HandshakeError("connection-closed", f"the peer closed the connection during the {_DURING[phase]}", phase=phase)
    if error.reason is None and seen.message == _CERTIFICATE:
        return make(
            "bad-certificate", f"a certificate is not valid: OpenSSL cannot read it ({_unnamed(error)})", phase="certificate"
        )
    return _of_reason(error.reason or _unnamed(error), phase)


def _unnamed(error: ssl.SSLError) -> str:
    """The words of an error whose reason Python has no name for: those of "[SSL] ASN1 lib (_ssl.c:1006)"."""
    return str(error.args[-1]).partition("] ")[2].partition(" (")[0] or "unknown"


def refused_silently(phase: str) -> TlsToolError:
    """The error for a peer that got our certificate and is gone: Node, for one, sends no alert."""
    message = "the peer closed the connection without a word when it had the client certificate"
    return ClientCertificateError("client-certificate-refused", message, phase=phase)


def _of_reason(reason: str, phase: str) -> TlsToolError:
    words = reason.lower().replace("_", " ")
    if reason in _TOO_LARGE:
        message = "a handshake message of the peer is over the limit of OpenSSL, its certificates most likely"
        return HandshakeError("handshake-too-large", message, phase=phase)
    if reason in _INCOMPATIBLE:
        return HandshakeError("peer-incompatible", f"nothing in common with the peer: {words}", phase=phase)
    return HandshakeError("peer-misbehaved", f"the peer broke the protocol: {words}", phase=phase)


def _alert(error: ssl.SSLError, seen: Seen) -> str | None:
    if seen.alert:
        return alert_name(seen.alert)
    # Where the alert itself cannot be seen, OpenSSL's reason has its name.
    named = _ALERT_REASON.fullmatch(error.reason or "")
    return named[1].lower() if named else None


def _alerted(alert: str, seen: Seen, phase: str) -> TlsToolError:
    if (alert == "certificate_required" and not seen.sent) or (seen.requested and not seen.sent and alert in _CERTIFICATE_WANTED):
        message = f"the peer wants a client certificate and got none (alert {alert})"
        return ClientCertificateError("client-certificate-required", message, phase=phase, alert=alert)
    if seen.requested and seen.sent and alert in _ABOUT_CERTIFICATE:
        message = f"the peer refused the client certificate (alert {alert})"
        return ClientCertificateError("client-certificate-refused", message, phase=phase, alert=alert)
    return HandshakeError(
        "alert-received", f"the peer ended the {_DURING[phase]} with the alert {alert}", phase=phase, alert=alert
    )
