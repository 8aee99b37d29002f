"""What the extensions of a certificate say (RFC 5280 section 4.2), read by cryptography, which is imported by the functions here.

An extension that is malformed makes cryptography refuse all of them: such a certificate says nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tlstool.model import Sct

if TYPE_CHECKING:
    from cryptography import x509

    Extension = TypeVar("Extension", bound=x509.ExtensionType)

NOTHING: dict[str, Any] = {
    "names": (),
    "is_ca": False,
    "path_length": None,
    "key_usage": None,
    "extended_key_usage": None,
    "ocsp_urls": (),
    "ca_issuer_urls": (),
    "crl_urls": (),
    "scts": (),
    "must_staple": False,
}
"""The fields of `Certificate` that extensions tell, for one that has none."""

# The names of RFC 5280 section 4.2.1.3, in the order of the bits, and what cryptography calls them.
_KEY_USAGES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}
_AGREEMENT_USAGES = {"encipherOnly": "encipher_only", "decipherOnly": "decipher_only"}

# Section 4.2.1.12, and RFC 6960 section 4.2.2.2.
_PURPOSES = {
    "2.5.29.37.0": "anyExtendedKeyUsage",
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
}


def told(certificate: x509.Certificate) -> dict[str, Any]:
    """The fields of `Certificate` that its extensions tell."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    names = extension(certificate, x509.SubjectAlternativeName) or ()
    basic = extension(certificate, x509.BasicConstraints)
    features = extension(certificate, x509.TLSFeature) or ()
    return NOTHING | {
        "names": tuple(str(name.value) for name in names if isinstance(name, x509.DNSName) or _is_address(name)),
        "is_ca": basic is not None and basic.ca,
        "path_length": None if basic is None else basic.path_length,
        "key_usage": _key_usage(certificate),
        "extended_key_usage": _extended_key_usage(certificate),
        "ocsp_urls": _access(certificate, AuthorityInformationAccessOID.OCSP),
        "ca_issuer_urls": _access(certificate, AuthorityInformationAccessOID.CA_ISSUERS),
        "crl_urls": _crl_urls(certificate),
        "scts": _scts(certificate),
        "must_staple": x509.TLSFeatureType.status_request in features,
    }


def extension(certificate: x509.Certificate, kind: type[Extension]) -> Extension | None:
    """An extension's value; None if it is not there, or the extensions cannot be read."""
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return None


def alternative_names(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """The DNS names and the addresses of the subjectAltName, apart; none if that cannot be read."""
    from cryptography import x509

    names = extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return [], []
    return names.get_values_for_type(x509.DNSName), [str(name.value) for name in names if _is_address(name)]


def _is_address(name: x509.GeneralName) -> bool:
    """Whether a name is an address: octets twice as many make a network, which belongs into constraints alone."""
    from ipaddress import IPv4Address, IPv6Address

    return isinstance(name.value, (IPv4Address, IPv6Address))


def _key_usage(certificate: x509.Certificate) -> tuple[str, ...] | None:
    from cryptography import x509

    usage = extension(certificate, x509.KeyUsage)
    if usage is None:
        return None
    # cryptography does not tell the last two of a key that is not for agreement.
    told = _KEY_USAGES | _AGREEMENT_USAGES if usage.key_agreement else _KEY_USAGES
    return tuple(name for name, attribute in told.items() if getattr(usage, attribute))


def _extended_key_usage(certificate: x509.Certificate) -> tuple[str, ...] | None:
    from cryptography import x509

    usage = extension(certificate, x509.ExtendedKeyUsage)
    if usage is None:
        return None
    oids = [purpose.dotted_string for purpose in usage]
    known = tuple(name for oid, name in _PURPOSES.items() if oid in oids)
    return known + tuple(oid for oid in oids if oid not in _PURPOSES)


def _access(certificate: x509.Certificate, method: x509.ObjectIdentifier) -> tuple[str, ...]:
    from cryptography import x509

    access = extension(certificate, x509.AuthorityInformationAccess) or ()
    locations = [one.access_location for one in access if one.access_method == method]
    return tuple(one.value for one in locations if isinstance(one, x509.UniformResourceIdentifier))


def _crl_urls(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    points = extension(certificate, x509.CRLDistributionPoints) or ()
    names = [name for point in points for name in point.full_name or ()]
    return tuple(name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))


def _scts(certificate: x509.Certificate) -> tuple[Sct, ...]:
    from cryptography import x509

    timestamps = extension(certificate, x509.PrecertificateSignedCertificateTimestamps) or ()
    return tuple(Sct(one.log_id.hex(), one.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ")) for one in timestamps)
