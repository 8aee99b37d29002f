"""The alerts of TLS by name, from IANA's registry (RFC 8446 section 6, RFC 5246 section 7.2, RFC 6066, RFC 7301, RFC 9849)."""

NUMBERS: dict[str, int] = {
    "close_notify": 0,
    "unexpected_message": 10,
    "bad_record_mac": 20,
    "decryption_failed": 21,
    "record_overflow": 22,
    "decompression_failure": 30,
    "handshake_failure": 40,
    "no_certificate": 41,
    "bad_certificate": 42,
    "unsupported_certificate": 43,
    "certificate_revoked": 44,
    "certificate_expired": 45,
    "certificate_unknown": 46,
    "illegal_parameter": 47,
    "unknown_ca": 48,
    "access_denied": 49,
    "decode_error": 50,
    "decrypt_error": 51,
    "export_restriction": 60,
    "protocol_version": 70,
    "insufficient_security": 71,
    "internal_error": 80,
    "inappropriate_fallback": 86,
    "user_canceled": 90,
    "no_renegotiation": 100,
    "missing_extension": 109,
    "unsupported_extension": 110,
    "certificate_unobtainable": 111,
    "unrecognized_name": 112,
    "bad_certificate_status_response": 113,
    "bad_certificate_hash_value": 114,
    "unknown_psk_identity": 115,
    "certificate_required": 116,
    "general_error": 117,
    "no_application_protocol": 120,
    "ech_required": 121,
}

_WARNINGS = ("close_notify", "user_canceled", "no_renegotiation")


def record(name: str) -> bytes:
    """The alert in a record of its own, not encrypted; fatal, but for those that never are.

    Raises:
        KeyError: there is none of that name.
    """
    level = 1 if name in _WARNINGS else 2
    return bytes((0x15, 3, 3, 0, 2, level, NUMBERS[name]))
