"""Cipher suites and groups by the names that people know them by; the canonical ones are IANA's.

The suites are those that Rustls speaks. One that is not among them is left as it is written, for the `openssl` backend to know or
to refuse.
"""

from __future__ import annotations

_SUITES_13 = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256")

_SUITES_12 = {
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}

_GROUPS = {
    "x25519": "x25519",
    "x448": "x448",
    "p-256": "secp256r1",
    "p-384": "secp384r1",
    "p-521": "secp521r1",
    "prime256v1": "secp256r1",
    "secp256r1": "secp256r1",
    "secp384r1": "secp384r1",
    "secp521r1": "secp521r1",
    "x25519mlkem768": "X25519MLKEM768",
    "secp256r1mlkem768": "SecP256r1MLKEM768",
    "mlkem768": "MLKEM768",
    "mlkem1024": "MLKEM1024",
}

SUITES: tuple[str, ...] = (*_SUITES_13, *_SUITES_12.values())
"""The suites of Rustls, by IANA name."""

RUSTLS_GROUPS = frozenset({"x25519", "secp256r1", "secp384r1", "X25519MLKEM768", "SecP256r1MLKEM768", "MLKEM768", "MLKEM1024"})
"""The groups of Rustls, by IANA name."""


def suite(name: str) -> str:
    """The IANA name of a suite given by that or by OpenSSL's; an unknown one as it is."""
    upper = name.upper()
    return _SUITES_12.get(upper, upper if upper in SUITES else name)


def openssl_suite(name: str) -> str:
    """OpenSSL's name of a TLS 1.2 suite given by IANA's; any other as it is."""
    return next((openssl for openssl, iana in _SUITES_12.items() if iana == name), name)


def group(name: str) -> str:
    """The IANA name of a group given by that, by NIST's or by OpenSSL's; an unknown one as it is."""
    return _GROUPS.get(name.lower(), name)


def is_tls13(suite_name: str) -> bool:
    """Whether a suite is one of TLS 1.3, whose names say neither key exchange nor signature (RFC 8446 appendix B.4)."""
    return suite_name.startswith("TLS_") and "_WITH_" not in suite_name
