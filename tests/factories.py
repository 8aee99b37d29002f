"""Reports as the use cases would make them, for tests of what is printed. Each takes the fields that matter to the test."""

from __future__ import annotations

from dataclasses import fields as fields_of
from typing import Any

from tlstool.events import Caution, CertificatesMade, Ready, Renewed
from tlstool.figures import ComparedFigure, ComparedRun, CompareReport, Environment, LocalBenchReport, LocalResult, Ratio
from tlstool.model import Certificate, Finding, Handshake, Identity, LoadPlan, LoadResult, Staple, Trust
from tlstool.reports import (
    ConnectReport,
    HandshakeBenchReport,
    Phases,
    Problem,
    VerifyReport,
)
from tlstool.sessions import Tickets
from tlstool.sites import Connection, ServeMode, ServerConfig, ServerLimits, ServeTotals, Service, Site
from tlstool.traffic import Relayed


def certificate(**fields: Any) -> Certificate:
    usual: dict[str, Any] = {
        "version": 3,
        "subject": "CN=example.com",
        "issuer": "CN=Example Issuing CA 1,O=Example Trust",
        "is_self_issued": False,
        "serial": "0a1b2c",
        "not_before": "2026-01-02T03:04:05Z",
        "not_after": "2026-12-30T03:04:05Z",
        "days_left": 36,
        "names": ("example.com", "www.example.com"),
        "key_type": "ecdsa-p256",
        "key_bits": 256,
        "signature_algorithm": "ecdsa-with-SHA256",
        "is_ca": False,
        "path_length": None,
        "key_usage": ("digitalSignature",),
        "extended_key_usage": ("serverAuth",),
        "ocsp_urls": (),
        "ca_issuer_urls": ("http://ca.example/1.cer",),
        "crl_urls": (),
        "scts": (),
        "must_staple": False,
        "sha256": "ab12" * 16,
        "spki_sha256": "cd34" * 16,
        "pem": "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n",
    }
    return Certificate(**usual | fields)


def trust(*codes: str, **fields: Any) -> Trust:
    """A verdict: bad for each code, good without any."""
    usual: dict[str, Any] = {
        "verdict": "bad" if codes else "good",
        "name": "example.com",
        "revocation": "not_checked",
        "findings": tuple(Finding(code, f"the words of {code}") for code in codes),
        "path": None,
        "verifier": "webpki",
        "store": "/etc/ca.pem",
    }
    return Trust(**usual | fields)


def staple(**fields: Any) -> Staple:
    usual: dict[str, Any] = {
        "status": "good",
        "signature": "good",
        "is_current": True,
        "produced_at": "2026-06-01T00:00:00Z",
        "this_update": "2026-06-01T00:00:00Z",
        "next_update": "2026-06-08T00:00:00Z",
        "responder": "CN=Example Issuing CA 1,O=Example Trust",
        "revoked_at": None,
        "reason": None,
        "problem": None,
    }
    return Staple(**usual | fields)


def handshake(**fields: Any) -> Handshake:
    usual: dict[str, Any] = {
        "tls": "1.3",
        "suite": "TLS_AES_256_GCM_SHA384",
        "group": "X25519MLKEM768",
        "signature_scheme": "ecdsa_secp256r1_sha256",
        "alpn": "h2",
        "sni": "example.com",
        "kind": "full",
        "certificates": (certificate(), certificate(subject="CN=Example Issuing CA 1", is_ca=True)),
        "staple": staple(),
        "client_certificate": "not_requested",
        "client_request": None,
        "tickets": Tickets(2, None),
        "early_data_limit": 0,
        "ech": None,
        "trust": trust(),
    }
    return Handshake(**usual | fields)


def problem(code: str = "expired", **fields: Any) -> Problem:
    usual: dict[str, Any] = {"phase": "certificate", "message": f"the words of {code}", "hint": "do something", "alert": None}
    return Problem(code=code, **usual | fields)


def connect_report(**fields: Any) -> ConnectReport:
    usual: dict[str, Any] = {
        "target": "example.com",
        "address": "192.0.2.7:443",
        "backend": "rustls",
        "phases_ms": Phases(dns=12.34, tcp=0.312, handshake=4.56, total=18.2),
        "handshake": handshake(),
    }
    return ConnectReport(**usual | fields)


def bad_connect_report(*codes: str, **fields: Any) -> ConnectReport:
    """A report whose first code decides, with status 9."""
    usual: dict[str, Any] = {"exit_status": 9, "error": problem(codes[0]), "handshake": handshake(trust=trust(*codes))}
    return connect_report(**usual | fields)


def verify_report(**fields: Any) -> VerifyReport:
    usual: dict[str, Any] = {"source": "chain.pem", "kind": "file", "certificates": (certificate(),), "trust": trust()}
    return VerifyReport(**usual | fields)


def load_result(**fields: Any) -> LoadResult:
    usual: dict[str, Any] = {
        "handshakes": 17105,
        "full": 17105,
        "resumed": 0,
        "errors": {},
        "elapsed_ms": 5001.2,
        "handshakes_per_s": 3420.2,
        "p50_ms": 4.51,
        "p90_ms": 6.02,
        "p99_ms": 11.4,
        "max_ms": 108.0,
        "histogram": "HISTFAAAAB==",
        "cpu_us_per_handshake": 288.4,
        "interrupted": False,
    }
    return LoadResult(**usual | fields)


def handshake_bench_report(**fields: Any) -> HandshakeBenchReport:
    usual: dict[str, Any] = {
        "target": "localhost:4433",
        "address": "127.0.0.1:4433",
        "backend": "rustls",
        "handshake": handshake(),
        "plan": LoadPlan(address="127.0.0.1", port=4433, connections=16),
        "result": load_result(),
    }
    return HandshakeBenchReport(**usual | fields)


def local_result(library: str = "rustls", **fields: Any) -> LocalResult:
    """Full handshakes, unless the fields say otherwise."""
    rate = 3490.0 if library == "rustls" else 1447.0
    usual: dict[str, Any] = {
        "library": library,
        "library_version": "rustls 0.23.35, aws-lc-rs 1.15.1" if library == "rustls" else "OpenSSL 3.0.19 27 Jan 2026",
        "scenario": "handshake-full",
        "tls": "1.3",
        "suite": "TLS_AES_256_GCM_SHA384",
        "group": "x25519",
        "key_type": "ecdsa-p256",
        "signature": "ecdsa_secp256r1_sha256",
        "rounds": 5,
        "client_handshakes_per_s": rate,
        "client_handshakes_per_s_min": rate * 0.97,
        "client_handshakes_per_s_max": rate * 1.02,
        "server_handshakes_per_s": rate * 2.5,
        "server_handshakes_per_s_min": rate * 2.4,
        "server_handshakes_per_s_max": rate * 2.6,
    }
    return LocalResult(**usual | fields)


def bulk_result(library: str = "rustls", rate: float = 4100.0, **fields: Any) -> LocalResult:
    rates: dict[str, Any] = {
        f"{side}_handshakes_per_s{end}": None for side in ("client", "server") for end in ("", "_min", "_max")
    }
    for side, factor in (("receive", 0.9), ("send", 1.0)):
        rates |= {
            f"{side}_mib_per_s": rate * factor,
            f"{side}_mib_per_s_min": rate * factor * 0.98,
            f"{side}_mib_per_s_max": rate * factor * 1.01,
        }
    return local_result(library, **{"scenario": "bulk"} | rates | fields)


def local_bench_report(*results: LocalResult, **fields: Any) -> LocalBenchReport:
    environment = Environment(
        cpu="AMD EPYC 9R14",
        cpu_features=("AVX2", "AVX-512", "IFMA", "VAES", "SHA"),
        cores=2,
        kernel="Linux 6.1.0",
        governor=None,
        python="3.11.7",
        tlstool="0.1.0",
    )
    return LocalBenchReport(**{"results": results, "environment": environment} | fields)


def compare_report(**fields: Any) -> CompareReport:
    """An old run and two new ones, one of which did not measure the figure."""
    figure = ComparedFigure(
        scenario="handshake-full",
        tls="1.3",
        suite="TLS_AES_256_GCM_SHA384",
        group="x25519",
        key_type="ecdsa-p256",
        signature="ecdsa_secp256r1_sha256",
        library="rustls",
        figure="client_handshakes_per_s",
        values=(3000.0, 3300.0, None),
        ratios=(Ratio("client_handshakes_per_s", 1.1, 1.05, 1.15, "better"), None),
    )
    runs = tuple(ComparedRun(f"{name}.json", "2026-01-27T10:00:00Z", "AMD EPYC 9R14", "0.1.0") for name in ("old", "new", "odd"))
    return CompareReport(**{"runs": runs, "figures": (figure,)} | fields)


def ready(**fields: Any) -> Ready:
    usual: dict[str, Any] = {
        "address": "127.0.0.1",
        "port": 4433,
        "url": "https://localhost:4433/",
        "ca_file": "/tmp/tlstool-ca-x.pem",
        "fingerprint": "ef56" * 16,
        "fingerprints": ("ef56" * 16,),
        "pid": 4711,
    }
    return Ready(**usual | fields)


def caution(**fields: Any) -> Caution:
    return Caution(**{"code": "expired", "message": "the certificate has expired"} | fields)


def renewed(**fields: Any) -> Renewed:
    return Renewed(**{"added": ("a.test",), "replaced": (), "removed": ("b.test",), "problems": (problem(),)} | fields)


def certificates_made(**fields: Any) -> CertificatesMade:
    files = {
        role + part: f"pki/{role}{end}" for role in ("ca", "server", "client") for part, end in (("", ".pem"), ("_key", ".key"))
    }
    usual = {"names": ("localhost", "a.test"), "not_after": "2027-01-27T10:00:00Z", "fingerprint": "ef56" * 16}
    return CertificatesMade(**files | usual | fields)


def connection(**fields: Any) -> Connection:
    usual: dict[str, Any] = {
        "site": None,
        "peer": "127.0.0.1:50312",
        "accepted": "2026-01-27T10:00:00.123Z",
        "handshake_ms": 1.5,
        "duration_ms": 12.3,
        "tls": "1.3",
        "suite": "TLS_AES_256_GCM_SHA384",
        "group": "X25519MLKEM768",
        "alpn": "http/1.1",
        "sni": "localhost",
        "kind": "full",
        "client_certificate": None,
        "early_data": None,
        "hello": None,
        "requests": 1,
        "received": 78,
        "sent": 1024,
        "ending": "close_notify",
        "error": None,
        "message": None,
        "upstream": None,
        "is_upstream_error": False,
    }
    return Connection(**usual | fields)


LIMITS = [field.name for field in fields_of(ServerLimits)]  # type: ignore[arg-type]
WHOLE = ("threads", "count", "duration", "grace", "tells", "counts_every")


def server_config(identity: Identity, mode: ServeMode = "status", **fields: Any) -> ServerConfig:
    """A server with one site; fields are those of the limits, of the server as a whole, or of the site."""
    limits = {name: fields.pop(name) for name in LIMITS if name in fields}
    whole = {name: fields.pop(name) for name in WHOLE if name in fields}
    return ServerConfig((Site((identity,), Service(mode), **fields),), ServerLimits(**limits), **whole)


def serve_totals(**fields: Any) -> ServeTotals:
    usual = {
        "connections": 3,
        "active": 0,
        "handshakes": 2,
        "resumed": 1,
        "versions": {"1.2": 1, "1.3": 1},
        "failed": 1,
        "failures": {"not-tls": 1},
        "refused": 0,
        "requests": 2,
        "received": 156,
        "sent": 2048,
        "unreported": 0,
        "elapsed_ms": 4321.0,
    }
    return ServeTotals(**usual | fields)


def relayed(**fields: Any) -> Relayed:
    return Relayed(**{"sent": 100, "received": 2_000_000, "close_notify": True} | fields)
