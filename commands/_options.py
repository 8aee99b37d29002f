"""The options that several commands share, under the same names as the fields of `tlstool.requests`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from ._command import Decorator, option
from ._types import Ciphers, Duration, FileName, Groups, Instant, OneWord, Protocols, Versions

if TYPE_CHECKING:
    from tlstool.output.console import Console

FILE = FileName()
"""Whether there is such a file, and whether it can be read, is not the parser's business: that has a status of its own."""


def flat(_ctx: click.Context, _param: click.Parameter, value: Iterable[Iterable[str]] | None) -> tuple[str, ...]:
    """Lists that were given one by one, as one."""
    return tuple(dict.fromkeys(name for names in value or () for name in names))


def all_of(*decorators: Decorator) -> Decorator:
    """Several decorators as one, the first on top."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return add


name_options = all_of(
    option("--sni", panel="Name", metavar="NAME", help="Name to send, and to verify; by default the target's host."),
    option("--no-sni", panel="Name", is_flag=True, help="Send no name."),
    option("--verify-name", panel="Name", metavar="NAME", help="Name that the certificate must have."),
)

trust_options = all_of(
    option(
        "--ca",
        panel="Trust",
        type=FILE,
        multiple=True,
        metavar="FILE|DIR",
        help="Trust only the certificates in this file or folder. Repeatable.",
    ),
    option(
        "--roots",
        panel="Trust",
        type=OneWord(["system", "certifi", "none"]),
        default="system",
        show_default=True,
        help="Whose roots to trust without --ca.",
    ),
    option(
        "--extra-ca",
        panel="Trust",
        type=FILE,
        multiple=True,
        metavar="FILE|DIR",
        help="Trust the certificates in this file or folder besides the others. Repeatable.",
    ),
    option("-k", "--insecure", panel="Trust", is_flag=True, help="Report a bad certificate, but do not fail because of it."),
    option("--crl", panel="Trust", type=FILE, multiple=True, metavar="FILE", help="Check revocation by this list. Repeatable."),
    option(
        "--pin",
        panel="Trust",
        multiple=True,
        metavar="sha256/BASE64",
        help="Want this public key in the server's own certificate, besides trust. Repeatable: any of them will do.",
    ),
    option(
        "--tlsa",
        panel="Trust",
        multiple=True,
        metavar="'3 1 1 HEX'",
        help="Judge by this TLSA record (DANE); usage 2 and 3 replace the roots. Repeatable: any of them will do.",
    ),
    option(
        "--purpose",
        panel="Trust",
        type=OneWord(["server", "client", "any"]),
        default="server",
        show_default=True,
        help="What the certificate has to be meant for (extendedKeyUsage).",
    ),
    option("--at", panel="Trust", type=Instant(), metavar="TIME", help="Judge as of this time, such as 2026-12-24."),
)

identity_options = all_of(
    option(
        "--cert", panel="Identity", type=FILE, metavar="FILE", help="Our own certificate with its chain: PEM, DER or PKCS#12."
    ),
    option("--key", panel="Identity", type=FILE, metavar="FILE", help="Its private key; by default in the file of --cert."),
    option(
        "--pass-file",
        panel="Identity",
        type=FILE,
        metavar="FILE",
        help="The pass phrase of an encrypted key: the first line; by default the terminal is asked.",
    ),
)

suite_options = all_of(
    option(
        "--tls",
        panel="Protocol",
        type=Versions(),
        multiple=True,
        callback=flat,
        help="Allowed TLS versions, with commas or repeated; by default 1.2 and 1.3.",
    ),
    option(
        "--ciphers",
        panel="Protocol",
        type=Ciphers(),
        multiple=True,
        callback=flat,
        metavar="LIST",
        help="Cipher suites by IANA or OpenSSL name, in order of preference.",
    ),
    option(
        "--groups",
        panel="Protocol",
        type=Groups(),
        multiple=True,
        callback=flat,
        metavar="LIST",
        help="Key exchange groups, in order of preference.",
    ),
    option(
        "--alpn",
        panel="Protocol",
        type=Protocols(),
        multiple=True,
        callback=flat,
        metavar="LIST",
        help="Application protocols (ALPN), such as h2,http/1.1.",
    ),
    option("--keylog", panel="Protocol", type=FILE, metavar="FILE", help="Append the session's secrets (NSS key log)."),
    option(
        "--backend",
        panel="Protocol",
        type=OneWord(["auto", "rustls", "openssl"]),
        default="auto",
        show_default=True,
        help="What speaks TLS; auto takes Rustls where it can.",
    ),
)

STARTTLS = (
    *("smtp", "lmtp", "imap", "pop3", "sieve", "ftp", "nntp", "ldap", "postgres", "mysql", "mssql", "mssql-strict"),
    *("xmpp", "xmpp-server", "irc", "rdp", "telnet"),
)
"""`tlstool.starttls.NAMES`, here without what it takes to speak them."""

starttls_options = all_of(
    option(
        "--starttls",
        panel="Target",
        type=OneWord([*STARTTLS, "auto"]),
        metavar="PROTOCOL",
        help=f"Protocol that comes before TLS, on its usual port unless the target has one: {', '.join(STARTTLS)}. "
        "auto takes the protocol of the port, or none.",
    ),
    option("--xmpp-to", panel="Target", metavar="NAME", help="Domain to ask XMPP for; by default the name that is verified."),
)

target_options = all_of(
    option(
        "--timeout",
        panel="Target",
        type=Duration(),
        metavar="TIME",
        help="Limit of the whole run; by default each phase has its own.",
    ),
)

json_option = option("--json", is_flag=True, help="Print one JSON document instead, on failure too.")
jsonl_option = option("--jsonl", is_flag=True, help="The same document on one line.")
quiet_option = option("-q", "--quiet", is_flag=True, help="Print errors only.")
verbose_option = option(
    "-v", "--verbose", count=True, help="Trace the phases on stderr; with connect, -vv every record and message, too."
)
assert_option = option(
    "--assert",
    "assertions",
    multiple=True,
    metavar="EXPR",
    help="Fail unless this holds of the report, such as 'tls>=1.3', alpn==h2, group~MLKEM or 'days>21'. Repeatable.",
)
exit_map_option = option(
    "--exit-map",
    type=OneWord(["nagios"]),
    metavar="nagios",
    help="Exit as a monitoring plugin does: 0, 1, 2 or 3 for OK, WARNING, CRITICAL or UNKNOWN, with a line that says it.",
)
no_fail_option = option("--no-fail", is_flag=True, help="Exit with 0 whatever is wrong with the peer or the way to it.")


def report_options(verbose: Decorator = verbose_option) -> Decorator:
    """How a report is shown, and what of it decides; `verbose` is the command's own -v."""
    return all_of(json_option, jsonl_option, quiet_option, verbose, assert_option, no_fail_option, exit_map_option)


peer_options = all_of(target_options, name_options, trust_options, identity_options, suite_options)
"""What `tlstool.requests.TlsOptions` has, but for `starttls_options`: a load begins with TLS."""


def keylog_file(console: Console, given: str | None) -> str | None:
    """The file of --keylog, or else of SSLKEYLOGFILE, as curl and browsers have it; announced, for secrets go there."""
    import os

    named = os.environ.get("SSLKEYLOGFILE")
    if given or not named:
        return given
    console.trace(f"the session's secrets go to {named}, which SSLKEYLOGFILE names")
    return named


def for_request(options: dict[str, Any]) -> dict[str, Any]:
    """The values of `peer_options` as the fields of `TlsOptions`.

    Raises:
        UsageError: two of them contradict each other.
    """
    from tlstool.errors import UsageError

    found = dict(options)
    if found.pop("no_sni"):
        if found["sni"]:
            raise UsageError("usage", "--sni and --no-sni contradict each other", "leave one of them out")
        found["sni"] = ""
    if found["key"] and not found["cert"]:
        raise UsageError("usage", "--key needs --cert", "name the key's certificate with --cert FILE")
    if found["pass_file"] and not found["cert"]:
        raise UsageError("usage", "--pass-file needs --cert", "name the certificate whose key is encrypted with --cert FILE")
    return found
