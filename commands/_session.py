"""The options about versions and signatures that every mode with a peer has, and those of connect's experiments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from ._command import option
from ._options import FILE, all_of, flat
from ._types import NameList, Versions, Whole

if TYPE_CHECKING:
    from tlstool.model import TlsVersion
    from tlstool.sessions import Export

_NEWEST = "1.3"
_OLDEST_SOUND = "1.2"
_OLDEST = "1.0"

# RFC 8446 section 7.1: HKDF-Expand makes at most 255 blocks, of SHA-256 in the suites with the shortest.
_LONGEST_EXPORT = 255 * 32


class Version(Versions):
    """One TLS version."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The version, alone in its tuple."""
        found = super().convert(value, param, ctx)
        if len(found) > 1:
            raise _usage(f"{value!r} is more than one version", "name the one that ends the range; --tls takes a list")
        return found


class SignatureSchemes(NameList):
    """Signature schemes, in IANA's or OpenSSL's spelling."""

    def check(self, name: str, param: click.Parameter | None) -> str:
        """The IANA name."""
        from tlstool import names

        return names.known_signature_scheme(name)

    def choices(self) -> tuple[str, ...]:
        """All, by IANA name."""
        from tlstool import names

        return names.ALL_SIGNATURE_SCHEMES


class KeyingMaterial(click.ParamType["Export"]):
    """`LABEL:LEN`, or `LABEL:LEN:CONTEXT` with the context in hex."""

    name = "export"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Export:
        """The parts, checked."""
        from tlstool.sessions import Export

        if isinstance(value, Export):
            return value
        found = re.fullmatch(r"(?P<label>[\x20-\x7e]+?):(?P<length>\d{1,9})(?::(?P<context>[^:]*))?", value)
        if not found:
            raise _usage(
                f"--export-keying: {value!r} is not LABEL:LEN[:CONTEXT]", "write EXPORTER-my-label:32, with the context in hex"
            )
        length = int(found["length"])
        if not 1 <= length <= _LONGEST_EXPORT:
            raise _usage(f"--export-keying: {length} bytes cannot be exported", f"ask for 1 to {_LONGEST_EXPORT}")
        try:
            context = None if found["context"] is None else bytes.fromhex(found["context"])
        except ValueError:
            raise _usage(f"--export-keying: the context {found['context']!r} is no hex", "write two hex digits a byte") from None
        return Export(found["label"], length, context)


version_range_options = all_of(
    option("--tls-min", panel="Protocol", type=Version(), metavar="VERSION", help="The oldest TLS version to allow."),
    option("--tls-max", panel="Protocol", type=Version(), metavar="VERSION", help="The newest TLS version to allow."),
)

range_options = all_of(
    version_range_options,
    option(
        "--sigalgs",
        panel="Protocol",
        type=SignatureSchemes(),
        multiple=True,
        callback=flat,
        metavar="LIST",
        help="Signature schemes by IANA or OpenSSL name, in order of preference.",
    ),
)

session_options = all_of(
    option(
        "--reconnect",
        panel="Session",
        type=Whole(0, 1000),
        default=0,
        metavar="N",
        help="Connect N times more, each with a ticket of the one before, and say what is resumed.",
    ),
    option(
        "--early-data",
        panel="Session",
        type=FILE,
        metavar="FILE",
        help="Fetch a ticket, and send the file in the first flight of a second connection (0-RTT), if the verdict is good. "
        "What the server does not take so is sent after the handshake. An attacker can make it arrive twice.",
    ),
    option(
        "--ech",
        panel="Session",
        type=FILE,
        metavar="auto|grease|FILE",
        help="Encrypt the hello (ECH): auto asks the DNS for the configuration, grease pretends to have one, and FILE has it, as "
        "base64, PEM or binary.",
    ),
    option("--pq-check", panel="Session", is_flag=True, help="Find out whether key exchange withstands quantum computers."),
    option(
        "--export-keying",
        panel="Session",
        type=KeyingMaterial(),
        multiple=True,
        metavar="LABEL:LEN[:CONTEXT]",
        help="Export so many bytes of keying material (RFC 5705); the context is in hex. Repeatable.",
    ),
    option("--key-update", panel="Session", is_flag=True, help="Renew the keys after the handshake (TLS 1.3)."),
)


def with_range(options: dict[str, Any]) -> dict[str, Any]:
    """The options with `tls` in the place of `tls_min` and `tls_max`.

    Raises:
        UsageError: they contradict each other, or `tls`.
    """
    found = dict(options)
    (oldest,), (newest,) = (found.pop(name) or (None,) for name in ("tls_min", "tls_max"))
    if oldest is None and newest is None:
        return found
    if found["tls"]:
        raise _usage("--tls contradicts --tls-min and --tls-max", "name the versions, or where they begin and end")
    found["tls"] = _between(oldest, newest)
    return found


def _between(oldest: TlsVersion | None, newest: TlsVersion | None) -> tuple[TlsVersion, ...]:
    """All versions from one to the other; with no oldest one, none is older than 1.2 unless that leaves nothing."""
    last = newest or _NEWEST
    first = oldest or (_OLDEST_SOUND if last >= _OLDEST_SOUND else _OLDEST)
    if first > last:
        raise _usage(f"--tls-min {first} is newer than --tls-max {last}", "swap them")
    versions: tuple[TlsVersion, ...] = ("1.0", "1.1", "1.2", "1.3")
    return tuple(version for version in versions if first <= version <= last)


def _usage(message: str, hint: str) -> Exception:
    from tlstool.errors import UsageError

    return UsageError("usage", message, hint)
