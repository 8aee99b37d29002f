"""What OpenSSL and the socket report, as errors and findings of ours: by code and reason, never by the text of a message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlstool import findings
from tlstool.errors import ClientCertificateError, HandshakeError, NotTlsError, TlsToolError
from tlstool.model import Certificate, Finding

if TYPE_CHECKING:
    import ssl

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

# What servers say to a client that had no certificate for them (before TLS 1.3 there was no alert of its own) ...
_CERTIFICATE_WANTED = frozenset({"handshake_failure", "bad_certificate", "certificate_required"})
# ... and to one whose certificate they do not take (RFC 8446 section 6.2).
_CERTIFICATE_REFUSED = frozenset(
    {
        "bad_certificate",
        "unsupported_certificate",
        "certificate_revoked",
        "certificate_expired",
        "certificate_unknown",
        "unknown_ca",
        "access_denied",
    }
)

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
        "WRONG_CIPHER_RETURNED",
        "WRONG_CURVE",
        "WRONG_SIGNATURE_TYPE",
        "WRONG_SSL_VERSION",
    }
)

_DURING = {"handshake": "handshake", "run": "session"}

_NOT_TLS = frozenset({"HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "WRONG_VERSION_NUMBER"})


@dataclass(slots=True)
class Seen:
    """What went by in a handshake that OpenSSL does not tell otherwise.

    Attributes:
        alert: number of the alert that the peer sent, None for none.
        requested: whether the server asked for a certificate; None if that cannot be seen here.
        sent: whether a certificate of ours went out.
        hellos: how many ClientHellos there were: a second one answers a HelloRetryRequest.
        sni: the name that a client sent.
        tickets: how many NewSessionTicket messages there were; None if that cannot be seen here.
    """

    alert: int | None = None
    requested: bool | None = None
    sent: bool = False
    hellos: int = 0
    sni: str | None = None
    tickets: int | None = None


def failure(error: OSError, seen: Seen, phase: str) -> TlsToolError:
    """The error for what a handshake, or a session, failed with."""
    import ssl

    if not isinstance(error, ssl.SSLError):
        words = (error.strerror or str(error)).lower()
        return HandshakeError("connection-reset", f"the connection broke: {words}", phase=phase)
    if alert := _alert(error, seen):
        return _alerted(alert, seen, phase)
    if seen.alert == 0 or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return HandshakeError("connection-closed", f"the peer closed the connection during the {_DURING[phase]}", phase=phase)
    reason = error.reason or "unknown"
    words = reason.lower().replace("_", " ")
    if reason in _NOT_TLS:
        return NotTlsError("not-tls", "the peer's answer is not TLS", phase=phase)
    if reason in _INCOMPATIBLE:
        return HandshakeError("peer-incompatible", f"nothing in common with the peer: {words}", phase=phase)
    return HandshakeError("peer-misbehaved", f"the peer broke the protocol: {words}", phase=phase)


def fault(error: ssl.SSLCertVerificationError, certificates: Sequence[Certificate], now: float) -> Finding:
    """The finding for what OpenSSL's verifier stopped at (`x509_vfy.h`); `certificates` as sent, or none if nobody saw them."""
    code = error.verify_code
    if code in _UNTRUSTED:
        return findings.untrusted(certificates) if certificates else _NO_ROOT
    if code in _DATES:
        dated = (findings.date_fault(certificate, now) for certificate in certificates)
        return next((one for one in dated if one and one.code == _DATES[code].code), _DATES[code])
    if code in UNKNOWN_REVOCATION:
        return findings.REVOCATION_UNKNOWN
    if code in _UNACCEPTABLE:
        return findings.unsupported_certificate(error.verify_message)
    return _PLAIN.get(code) or findings.bad_certificate(error.verify_message)


_NO_ROOT = Finding("unknown-issuer", "the chain does not end at a trusted root")

# No issuer in the store, or one signed by itself, or one that is there and not trusted.
_UNTRUSTED = frozenset({2, 18, 19, 20, 21, 27})

_DATES = {
    9: Finding("not-yet-valid", "a certificate of the chain is not valid yet"),
    10: Finding("expired", "a certificate of the chain has expired"),
}

# An unknown critical extension; keys and hashes that are too weak.
_UNACCEPTABLE = frozenset({34, 66, 67, 68})

_PLAIN = {
    7: findings.BAD_SIGNATURE,
    23: findings.REVOKED,
    26: findings.WRONG_PURPOSE,
    62: Finding("name-mismatch", "the certificate is for another name"),
    64: Finding("name-mismatch", "the certificate is for another address"),
}

NAME_CODES = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""

UNKNOWN_REVOCATION = frozenset({3, 4, 6, 8, 11, 12, 15, 16, 33, 35, 36, 44, 54})
"""A list is missing, of another scope, unreadable, not signed by the issuer, or out of date."""


def _alert(error: ssl.SSLError, seen: Seen) -> str | None:
    if seen.alert:
        return _ALERTS.get(seen.alert, f"alert {seen.alert}")
    # Where the alert itself cannot be seen, OpenSSL's reason has its name.
    named = _ALERT_REASON.fullmatch(error.reason or "")
    return named[1].lower() if named else None


def _alerted(alert: str, seen: Seen, phase: str) -> TlsToolError:
    if alert == "certificate_required" or (seen.requested and not seen.sent and alert in _CERTIFICATE_WANTED):
        message = f"the peer wants a client certificate and got none (alert {alert})"
        return ClientCertificateError("client-certificate-required", message, phase=phase, alert=alert)
    if seen.requested and seen.sent and alert in _CERTIFICATE_REFUSED:
        message = f"the peer refused the client certificate (alert {alert})"
        return ClientCertificateError("client-certificate-refused", message, phase=phase, alert=alert)
    return HandshakeError(
        "alert-received", f"the peer ended the {_DURING[phase]} with the alert {alert}", phase=phase, alert=alert
    )
