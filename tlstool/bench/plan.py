"""What `bench local` measures: the scenarios of a profile, or those that the caller's choices come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product

from tlstool import names
from tlstool.errors import UsageError
from tlstool.figures import LocalScenario, ScenarioName
from tlstool.requests import LocalBenchRequest

KEY_TYPES = ("ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519")
"""Key types that a chain can be made of."""

GROUPS = tuple(name for name in names.ALL_GROUPS if name in names.RUSTLS_GROUPS)
"""Key exchange groups that a scenario can have: those of Rustls."""

_AES_128, _AES_256 = "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"
_RSA_128, _RSA_256 = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
_ECDSA_256 = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"

_SIGNATURES = {
    "ecdsa-p256": "ecdsa_secp256r1_sha256",
    "ecdsa-p384": "ecdsa_secp384r1_sha384",
    "ecdsa-p521": "ecdsa_secp521r1_sha512",
    "ed25519": "ed25519",
}
_RSA_SIGNATURE = "rsa_pss_rsae_sha256"

_QUICK: tuple[tuple[ScenarioName, str, str], ...] = (
    ("handshake-full", _AES_256, "ecdsa-p256"),
    ("handshake-full", _AES_256, "rsa-2048"),
    ("handshake-ticket", _AES_256, "ecdsa-p256"),
    ("bulk", _AES_256, "rsa-2048"),
    ("memory", _AES_256, "ecdsa-p256"),
)

# The eight rows, two figures each, of the report of 2024-10-18 at rustls.dev/perf. BoringSSL resumes by ticket alone in TLS 1.3,
# so all do here, and in TLS 1.2 too.
_REPORT: tuple[tuple[ScenarioName, str, str], ...] = (
    ("bulk", _RSA_128, "rsa-2048"),
    ("bulk", _AES_256, "rsa-2048"),
    ("handshake-full", _RSA_256, "rsa-2048"),
    ("handshake-full", _ECDSA_256, "ecdsa-p256"),
    ("handshake-full", _AES_256, "rsa-2048"),
    ("handshake-full", _AES_256, "ecdsa-p256"),
    ("handshake-ticket", _RSA_256, "rsa-2048"),
    ("handshake-ticket", _AES_256, "rsa-2048"),
)

_CLASSIC, _APPROVED, _HYBRID = "x25519", "secp256r1", "X25519MLKEM768"


@dataclass(frozen=True, slots=True)
class Choice:
    """The scenarios, and what else could be measured but is not.

    Attributes:
        scenarios: in the order in which they are measured.
        left_out: in words.
    """

    scenarios: tuple[LocalScenario, ...]
    left_out: tuple[str, ...] = field(default=())


def choose(request: LocalBenchRequest, own_key_type: str | None = None) -> Choice:
    """The scenarios of a request.

    Args:
        request: its profile, or its choices.
        own_key_type: of the caller's own chain, which takes the place of `key_types`.

    Raises:
        UsageError: nothing is left that makes sense (`usage`), or a name is unknown (`unknown-name`).
    """
    if request.profile:
        return _profile(request, own_key_type)
    return _axes(request, own_key_type)


def signature(key_type: str) -> str:
    """The scheme that a key of this type signs the handshake with: of RSA's, the one that peers prefer, in TLS 1.2 too.

    Raises:
        UsageError: there is none that Rustls could verify (`usage`).
    """
    if key_type.startswith("rsa-"):
        return _RSA_SIGNATURE
    if key_type not in _SIGNATURES:
        raise UsageError("usage", f"a key of type {key_type} signs nothing that Rustls could verify")
    return _SIGNATURES[key_type]


def _profile(request: LocalBenchRequest, own_key_type: str | None) -> Choice:
    rows = _QUICK if request.profile == "quick" else _REPORT
    hybrid = request.profile == "today"
    left_out = []
    if request.profile == "quick":
        left_out = ["TLS 1.2", "other suites, groups and key types", "resumption of kept sessions", "several threads"]
    if own_key_type:
        fitting = [(name, suite, own_key_type) for name, suite, _ in rows if _fits_key(suite, own_key_type)]
        left_out += [f"{name} with {suite}" for name, suite, _ in rows if not _fits_key(suite, own_key_type)]
        rows = tuple(dict.fromkeys(fitting))
    return Choice(
        tuple(
            _scenario(request, name, suite, _group(request, suite, hybrid=hybrid), key_type=key_type, threads=threads)
            for name, suite, key_type in rows
            for threads in _threads(request, name)
        ),
        tuple(left_out),
    )


def _axes(request: LocalBenchRequest, own_key_type: str | None) -> Choice:
    suites = _suites(request.suites)
    given = request.groups or (_classic(request),)
    groups = tuple(dict.fromkeys(_known(name, names.group(name), GROUPS, "key exchange group") for name in given))
    key_types = (
        (own_key_type,) if own_key_type else tuple(_known(name, name, KEY_TYPES, "key type") for name in request.key_types)
    )
    scenarios: list[LocalScenario] = []
    left_out: list[str] = []
    for suite in suites:
        fitting = [
            (key_type, group)
            for group, key_type in product(groups, dict.fromkeys(key_types))
            if _fits_key(suite, key_type) and _fits_group(suite, group)
        ]
        if not fitting:
            left_out.append(f"{suite}, which goes with none of the key types and groups")
        for name in _names(request):
            # Key exchange and signature have no part in what comes after them.
            taken = fitting if name in ("handshake-full", "handshake-ticket", "handshake-session") else fitting[:1]
            scenarios += [
                _scenario(request, name, suite, group, key_type=key_type, threads=threads)
                for key_type, group in taken
                for threads in _threads(request, name)
            ]
    if not scenarios:
        raise UsageError(
            "usage",
            f"{' '.join(suites)} goes with none of the key types and groups that were asked for",
            "in TLS 1.2, _RSA_ suites take an RSA key and _ECDSA_ suites any other; groups with ML-KEM are for TLS 1.3",
        )
    return Choice(tuple(scenarios), tuple(left_out))


def _scenario(
    request: LocalBenchRequest, name: ScenarioName, suite: str, group: str, *, key_type: str, threads: int
) -> LocalScenario:
    return LocalScenario(
        scenario=name,
        tls="1.3" if names.is_tls13(suite) else "1.2",
        suite=suite,
        group=group,
        key_type=key_type,
        signature=signature(key_type),
        threads=threads,
        client_auth=request.client_auth,
        write_size=request.write_size if name == "bulk" else None,
    )


def _group(request: LocalBenchRequest, suite: str, *, hybrid: bool) -> str:
    return _HYBRID if hybrid and names.is_tls13(suite) else _classic(request)


def _classic(request: LocalBenchRequest) -> str:
    """X25519 is not among the key exchanges that FIPS 140-3 approves (NIST SP 800-56A)."""
    return _APPROVED if request.fips else _CLASSIC


def _names(request: LocalBenchRequest) -> tuple[ScenarioName, ...]:
    handshakes: dict[str, ScenarioName] = {
        "full": "handshake-full",
        "ticket": "handshake-ticket",
        "session": "handshake-session",
    }
    found: list[ScenarioName] = []
    for what in request.what:
        if what == "handshake":
            found += [handshakes[mode] for mode in request.modes]
        elif what == "resume":
            found += ["handshake-ticket", "handshake-session"]
        else:
            found.append(what)
    return tuple(dict.fromkeys(found))


def _threads(request: LocalBenchRequest, name: str) -> tuple[int, ...]:
    """Memory is a matter of one thread."""
    return (1,) if name == "memory" else tuple(dict.fromkeys(request.threads))


def _suites(given: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for name in given:
        if name.lower() == "all":
            found += names.SUITES
        else:
            found.append(_known(name, names.suite(name), names.SUITES, "cipher suite"))
    return tuple(dict.fromkeys(found))


def _fits_key(suite: str, key_type: str) -> bool:
    """A suite of TLS 1.2 names the signature (RFC 8422 section 2); one of TLS 1.3 does not care."""
    if names.is_tls13(suite):
        return True
    return ("_RSA_" in suite) == key_type.startswith("rsa")


def _fits_group(suite: str, group: str) -> bool:
    """Key exchange with ML-KEM is defined for TLS 1.3 alone."""
    return names.is_tls13(suite) or "MLKEM" not in group


def _known(given: str, name: str, known: Sequence[str], kind: str) -> str:
    if name in known:
        return name
    from difflib import get_close_matches

    folded = {candidate.lower(): candidate for candidate in known}
    near = [folded[match] for match in get_close_matches(given.lower(), folded, n=3, cutoff=0.4)]
    # Known to others, perhaps: but it would be beside nothing.
    raise UsageError("unknown-name", f"Rustls has no {kind} {given!r}", f"known are: {', '.join(near or known)}")
