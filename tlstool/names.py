"""Cipher suites and groups by the names that people know them by; the canonical ones are IANA's.

The functions that translate leave an unknown name as it is written, for the `openssl` backend to know or to refuse. The command
line is stricter (`known_suite`, `known_group`): there, an unknown name is most likely a slip of the pen.
"""

from __future__ import annotations

from collections.abc import Iterable

from tlstool.errors import UsageError

_SUITES_13 = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256")

_SUITES_12 = {
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
}

# What only OpenSSL speaks: static RSA, finite-field DHE, DSS, CBC, CCM, Camellia and ARIA; not what goes without a certificate
# (PSK, SRP, anonymous), nor what encrypts nothing.
_SUITES_OPENSSL = {
    "DHE-RSA-AES256-GCM-SHA384": "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "DHE-RSA-CHACHA20-POLY1305": "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES256-CCM8": "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
    "ECDHE-ECDSA-AES256-CCM": "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    "DHE-RSA-AES256-CCM8": "TLS_DHE_RSA_WITH_AES_256_CCM_8",
    "DHE-RSA-AES256-CCM": "TLS_DHE_RSA_WITH_AES_256_CCM",
    "DHE-RSA-AES128-GCM-SHA256": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES128-CCM8": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    "ECDHE-ECDSA-AES128-CCM": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "DHE-RSA-AES128-CCM8": "TLS_DHE_RSA_WITH_AES_128_CCM_8",
    "DHE-RSA-AES128-CCM": "TLS_DHE_RSA_WITH_AES_128_CCM",
    "ECDHE-ECDSA-AES256-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "ECDHE-RSA-AES256-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "DHE-RSA-AES256-SHA256": "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    "ECDHE-ECDSA-AES128-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "ECDHE-RSA-AES128-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "DHE-RSA-AES128-SHA256": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    "ECDHE-ECDSA-AES256-SHA": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "ECDHE-RSA-AES256-SHA": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "DHE-RSA-AES256-SHA": "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    "ECDHE-ECDSA-AES128-SHA": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "ECDHE-RSA-AES128-SHA": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "DHE-RSA-AES128-SHA": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    "AES256-GCM-SHA384": "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "AES256-CCM8": "TLS_RSA_WITH_AES_256_CCM_8",
    "AES256-CCM": "TLS_RSA_WITH_AES_256_CCM",
    "AES128-GCM-SHA256": "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "AES128-CCM8": "TLS_RSA_WITH_AES_128_CCM_8",
    "AES128-CCM": "TLS_RSA_WITH_AES_128_CCM",
    "AES256-SHA256": "TLS_RSA_WITH_AES_256_CBC_SHA256",
    "AES128-SHA256": "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "AES256-SHA": "TLS_RSA_WITH_AES_256_CBC_SHA",
    "AES128-SHA": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "ECDHE-ECDSA-CAMELLIA256-SHA384": "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_CBC_SHA384",
    "ECDHE-RSA-CAMELLIA256-SHA384": "TLS_ECDHE_RSA_WITH_CAMELLIA_256_CBC_SHA384",
    "DHE-RSA-CAMELLIA256-SHA256": "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA256",
    "ECDHE-ECDSA-CAMELLIA128-SHA256": "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_CBC_SHA256",
    "ECDHE-RSA-CAMELLIA128-SHA256": "TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256",
    "DHE-RSA-CAMELLIA128-SHA256": "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA256",
    "DHE-RSA-CAMELLIA256-SHA": "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA",
    "DHE-RSA-CAMELLIA128-SHA": "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA",
    "CAMELLIA256-SHA256": "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA256",
    "CAMELLIA128-SHA256": "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA256",
    "CAMELLIA256-SHA": "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA",
    "CAMELLIA128-SHA": "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA",
    "ECDHE-ECDSA-ARIA256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_ARIA_256_GCM_SHA384",
    "ECDHE-ARIA256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384",
    "DHE-RSA-ARIA256-GCM-SHA384": "TLS_DHE_RSA_WITH_ARIA_256_GCM_SHA384",
    "ECDHE-ECDSA-ARIA128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256",
    "ECDHE-ARIA128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256",
    "DHE-RSA-ARIA128-GCM-SHA256": "TLS_DHE_RSA_WITH_ARIA_128_GCM_SHA256",
    "ARIA256-GCM-SHA384": "TLS_RSA_WITH_ARIA_256_GCM_SHA384",
    "ARIA128-GCM-SHA256": "TLS_RSA_WITH_ARIA_128_GCM_SHA256",
    "DHE-DSS-AES256-GCM-SHA384": "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384",
    "DHE-DSS-AES128-GCM-SHA256": "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256",
    "DHE-DSS-AES256-SHA256": "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256",
    "DHE-DSS-AES128-SHA256": "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256",
    "DHE-DSS-AES256-SHA": "TLS_DHE_DSS_WITH_AES_256_CBC_SHA",
    "DHE-DSS-AES128-SHA": "TLS_DHE_DSS_WITH_AES_128_CBC_SHA",
    "DHE-DSS-CAMELLIA256-SHA256": "TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA256",
    "DHE-DSS-CAMELLIA128-SHA256": "TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA256",
    "DHE-DSS-CAMELLIA256-SHA": "TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA",
    "DHE-DSS-CAMELLIA128-SHA": "TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA",
    "DHE-DSS-ARIA256-GCM-SHA384": "TLS_DHE_DSS_WITH_ARIA_256_GCM_SHA384",
    "DHE-DSS-ARIA128-GCM-SHA256": "TLS_DHE_DSS_WITH_ARIA_128_GCM_SHA256",
    # Only in a libssl that was built with weak ones.
    "ECDHE-ECDSA-DES-CBC3-SHA": "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
    "ECDHE-RSA-DES-CBC3-SHA": "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "DHE-RSA-DES-CBC3-SHA": "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "DES-CBC3-SHA": "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "ECDHE-ECDSA-RC4-SHA": "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "ECDHE-RSA-RC4-SHA": "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "RC4-SHA": "TLS_RSA_WITH_RC4_128_SHA",
    "RC4-MD5": "TLS_RSA_WITH_RC4_128_MD5",
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
    "secp384r1mlkem1024": "SecP384r1MLKEM1024",
    "mlkem512": "MLKEM512",
    "ffdhe2048": "ffdhe2048",
    "ffdhe3072": "ffdhe3072",
    "ffdhe4096": "ffdhe4096",
    "ffdhe6144": "ffdhe6144",
    "ffdhe8192": "ffdhe8192",
}

# OpenSSL's spellings in lower case: by parts (`ECDSA+SHA256`), and since 1.1.1 IANA's.
_SCHEMES = {
    "ecdsa_secp256r1_sha256": ("ecdsa+sha256",),
    "ecdsa_secp384r1_sha384": ("ecdsa+sha384",),
    "ecdsa_secp521r1_sha512": ("ecdsa+sha512",),
    "ed25519": (),
    "ed448": (),
    "rsa_pss_rsae_sha256": ("rsa-pss+sha256", "pss+sha256"),
    "rsa_pss_rsae_sha384": ("rsa-pss+sha384", "pss+sha384"),
    "rsa_pss_rsae_sha512": ("rsa-pss+sha512", "pss+sha512"),
    "rsa_pss_pss_sha256": (),
    "rsa_pss_pss_sha384": (),
    "rsa_pss_pss_sha512": (),
    "rsa_pkcs1_sha256": ("rsa+sha256",),
    "rsa_pkcs1_sha384": ("rsa+sha384",),
    "rsa_pkcs1_sha512": ("rsa+sha512",),
    "rsa_pkcs1_sha1": ("rsa+sha1",),
    "ecdsa_sha1": ("ecdsa+sha1",),
    "mldsa44": (),
    "mldsa65": (),
    "mldsa87": (),
}
_SCHEMES_OF_OPENSSL = {spelling: scheme for scheme, spellings in _SCHEMES.items() for spelling in spellings}

ALL_SIGNATURE_SCHEMES: tuple[str, ...] = tuple(_SCHEMES)
"""Every signature scheme that a backend may know, by IANA name."""

SUITES: tuple[str, ...] = (*_SUITES_13, *_SUITES_12.values())
"""The suites of Rustls, by IANA name."""

ALL_SUITES: tuple[str, ...] = (*SUITES, "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256", *_SUITES_OPENSSL.values())
"""Every suite that a backend may know, by IANA name, those of Rustls first."""

ALL_GROUPS: tuple[str, ...] = tuple(dict.fromkeys(_GROUPS.values()))
"""Every group that a backend may know, by IANA name."""

RUSTLS_GROUPS = frozenset({"x25519", "secp256r1", "secp384r1", "X25519MLKEM768", "SecP256r1MLKEM768", "MLKEM768", "MLKEM1024"})
"""The groups of Rustls, by IANA name."""


def suite(name: str) -> str:
    """The IANA name of a suite given by that or by OpenSSL's; an unknown one as it is."""
    upper = name.upper()
    return _SUITES_12.get(upper) or _SUITES_OPENSSL.get(upper) or (upper if upper in ALL_SUITES else name)


def group(name: str) -> str:
    """The IANA name of a group given by that, by NIST's or by OpenSSL's; an unknown one as it is."""
    return _GROUPS.get(name.lower(), name)


def signature_scheme(name: str) -> str:
    """The IANA name of a signature scheme given by that or by OpenSSL's; an unknown one as it is."""
    lower = name.lower()
    return _SCHEMES_OF_OPENSSL.get(lower) or (lower if lower in _SCHEMES else name)


def known_suite(name: str) -> str:
    """As `suite`, for names that a person typed.

    Raises:
        UsageError: `unknown-name`, with the nearest right name.
    """
    found = suite(name)
    if found in ALL_SUITES:
        return found
    if any(sign in name for sign in "!+@") or name.upper() in ("ALL", "DEFAULT", "HIGH", "MEDIUM", "LOW"):
        hint = "OpenSSL's cipher strings are not understood: list the suites by name"
        raise UsageError("unknown-name", f"{name!r} is no cipher suite", hint)
    raise _unknown("cipher suite", name, (*ALL_SUITES, *_SUITES_12, *_SUITES_OPENSSL))


def known_group(name: str) -> str:
    """As `group`, for names that a person typed.

    Raises:
        UsageError: `unknown-name`, with the nearest right name.
    """
    found = group(name)
    if found in ALL_GROUPS:
        return found
    raise _unknown("key exchange group", name, (*ALL_GROUPS, *_GROUPS))


def known_signature_scheme(name: str) -> str:
    """As `signature_scheme`, for names that a person typed.

    Raises:
        UsageError: `unknown-name`, with the nearest right name.
    """
    found = signature_scheme(name)
    if found in _SCHEMES:
        return found
    raise _unknown("signature scheme", name, (*_SCHEMES, *(spelling.upper() for spelling in _SCHEMES_OF_OPENSSL)))


def is_tls13(suite_name: str) -> bool:
    """Whether a suite is one of TLS 1.3, whose names say neither key exchange nor signature (RFC 8446 appendix B.4)."""
    return suite_name.startswith("TLS_") and "_WITH_" not in suite_name


def _unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    from difflib import get_close_matches

    spellings = {spelling.lower(): spelling for spelling in known}
    near = get_close_matches(name.lower(), spellings, n=1)
    hint = f"did you mean {spellings[near[0]]}?" if near else f"names are those of IANA or OpenSSL, such as {next(iter(known))}"
    return UsageError("unknown-name", f"there is no {kind} {name!r}", hint)
