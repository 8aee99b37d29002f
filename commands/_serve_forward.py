"""How `serve` passes connections on, and what becomes of those options in a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._command import option
from ._options import FILE, all_of
from ._types import Duration, OneWord

if TYPE_CHECKING:
    from tlstool.requests import ForwardRequest

_PANEL = "Forwarding"

_trust_options = all_of(
    option(
        "--forward-ca",
        panel=_PANEL,
        type=FILE,
        multiple=True,
        metavar="FILE|DIR",
        help="Trust only the certificates in this file or folder. Repeatable.",
    ),
    option("--forward-roots", panel=_PANEL, type=OneWord(["system", "certifi", "none"]), help="Whose roots to trust instead."),
    option(
        "--forward-extra-ca",
        panel=_PANEL,
        type=FILE,
        multiple=True,
        metavar="FILE|DIR",
        help="Trust the certificates in this file or folder besides the others. Repeatable.",
    ),
    option(
        "--forward-crl", panel=_PANEL, type=FILE, multiple=True, metavar="FILE", help="Check revocation by this list. Repeatable."
    ),
    option(
        "--forward-pin",
        panel=_PANEL,
        multiple=True,
        metavar="sha256/BASE64",
        help="Want this public key, besides trust. Repeatable: any of them will do.",
    ),
    option(
        "--forward-tlsa",
        panel=_PANEL,
        multiple=True,
        metavar="'3 1 1 HEX'",
        help="Judge by this TLSA record (DANE). Repeatable: any of them will do.",
    ),
    option("--forward-insecure", panel=_PANEL, is_flag=True, help="Pass bytes on whatever the certificate is."),
    option("--forward-sni", panel=_PANEL, metavar="NAME", help="Name to send, and to verify; by default the host."),
    option("--forward-verify-name", panel=_PANEL, metavar="NAME", help="Name that the certificate must have."),
    option("--forward-cert", panel=_PANEL, type=FILE, metavar="FILE", help="Our own certificate there: PEM, DER or PKCS#12."),
    option("--forward-key", panel=_PANEL, type=FILE, metavar="FILE", help="Its key; by default in the file of --forward-cert."),
    option(
        "--forward-pass-file",
        panel=_PANEL,
        type=FILE,
        metavar="FILE",
        help="The pass phrase of an encrypted key: the first line.",
    ),
)

forward_options = all_of(
    option(
        "--forward",
        panel="Service",
        metavar="HOST:PORT|unix:/PATH",
        help="Pass every connection on: TLS ends here, and behind it are plain bytes.",
    ),
    option("--forward-tls", panel=_PANEL, is_flag=True, help="Speak TLS with the upstream, too; it has to verify."),
    option(
        "--proxy-protocol",
        panel=_PANEL,
        type=OneWord(["v2"]),
        metavar="v2",
        help="Tell the upstream first of the client: addresses, ALPN, SNI, TLS version, suite, name in its certificate.",
    ),
    option(
        "--forward-limit",
        panel=_PANEL,
        type=Duration(),
        metavar="TIME",
        help="What connecting to the upstream may take, over all its addresses, and again a handshake with it; by default 10s.",
    ),
    _trust_options,
)

_OF_TLS = {
    "forward_ca": "ca",
    "forward_roots": "roots",
    "forward_extra_ca": "extra_ca",
    "forward_crl": "crl",
    "forward_pin": "pin",
    "forward_tlsa": "tlsa",
    "forward_insecure": "insecure",
    "forward_sni": "sni",
    "forward_verify_name": "verify_name",
    "forward_cert": "cert",
    "forward_key": "key",
    "forward_pass_file": "pass_file",
}


def take_forward(options: dict[str, Any]) -> ForwardRequest | None:
    """Take what `forward_options` gave out of `options`.

    Raises:
        UsageError: one of them needs another one.
    """
    target = options.pop("forward")
    speaks_tls = options.pop("forward_tls")
    proxy_protocol, limit = options.pop("proxy_protocol"), options.pop("forward_limit")
    tls = {field: value for name, field in _OF_TLS.items() if (value := options.pop(name))}
    if target is None:
        _refuse(
            "--forward HOST:PORT", {"forward_tls": speaks_tls, "proxy_protocol": proxy_protocol, "forward_limit": limit} | tls
        )
        return None
    if not speaks_tls:
        _refuse("--forward-tls", tls)
    if "cert" not in tls:
        _refuse("--forward-cert", {field: tls[field] for field in ("key", "pass_file") if field in tls})

    from tlstool.requests import ForwardRequest, TlsOptions

    return ForwardRequest(
        target=target,
        tls=TlsOptions(**tls) if speaks_tls else None,
        proxy_protocol=proxy_protocol is not None,
        **({} if limit is None else {"limit": limit}),
    )


def _refuse(needed: str, given: dict[str, Any]) -> None:
    """Complain of the first option that was given, for it makes no sense without the one that is needed."""
    from tlstool.errors import UsageError

    for field in (name for name, value in given.items() if value):
        name = next((option for option, meant in _OF_TLS.items() if meant == field), field)
        raise UsageError("usage", f"--{name.replace('_', '-')} needs {needed}")
