"""What a user calls a target, made an `Endpoint`: host, host:port, [v6]:port, unix:/path, a URL; names in any script (IDNA)."""

from __future__ import annotations

import re
import socket

from tlstool import schemes
from tlstool.errors import UsageError
from tlstool.model import Endpoint
from tlstool.schemes import SCHEMES

HTTPS = SCHEMES["https"].port

# Names on the wire are letters, digits and hyphens (RFC 1123 section 2.1); underscores are common in practice.
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


# A last label that old resolvers read as (part of) an address.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")

_UNIX = "unix:"

_A_SOCKET = "a Unix socket is written unix:/run/server.sock"

# What a socket's address has room for, with the zero byte at its end (unix(7)).
_LONGEST_PATH = 107


def parse(target: str, default_port: int | None = None) -> Endpoint:
    """The endpoint that `target` names; without a port it has `default_port`, or else that of its URL's scheme.

    What a URL says of a user, a path or a query is nothing to do with TLS, and is left out.

    Raises:
        UsageError: `bad-target`, with what is wrong with it.
    """
    text = target.strip()
    if is_unix(text):
        return _unix(text, target)
    scheme, authority = _scheme(text, target)
    if "@" in authority:
        raise UsageError("bad-target", "a target has no user", "write host or host:port alone")
    host, port = _split(authority, target)
    if f"{host}:" == _UNIX and port is not None and not port.isdigit():
        raise _bad(target, "the path of a Unix socket begins with / or .", _A_SOCKET)
    if not host:
        raise _bad(target, "it has no host")
    known = SCHEMES[scheme]
    number = parse_port(port) if port is not None else known.port if default_port is None else default_port
    if is_address(host):
        return Endpoint(host, number, is_address=True, scheme=scheme, starttls=known.starttls)
    return Endpoint(_name(host, target), number, is_address=False, scheme=scheme, starttls=known.starttls)


def without_user(target: str) -> str:
    """A target as it may be shown: without the user and password that its URL may have, and that nobody needs here."""
    scheme, separator, rest = target.partition("://")
    return f"{scheme}://{re.sub(r'^[^/?#]*@', '', rest)}" if separator else target


def is_unix(target: str) -> bool:
    """Whether a target names a Unix socket: `unix:/path`, `unix:./path`, or `unix:@name` in the abstract namespace of Linux."""
    return target.startswith(tuple(f"{_UNIX}{first}" for first in "/.@"))


def is_address(host: str) -> bool:
    """Whether `host` is an IPv4 or IPv6 address; a zone (`fe80::1%eth0`) may follow."""
    return any(_is_in_family(host.partition("%")[0], family) for family in (socket.AF_INET, socket.AF_INET6))


def printable(host: str, port: int) -> str:
    """`192.0.2.1:443` or `[2001:db8::1]:443`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_port(text: str, least: int = 1) -> int:
    """A port number.

    Raises:
        UsageError: `bad-target`: no number from `least` to 65535.
    """
    if text.isascii() and text.isdigit() and least <= int(text) <= 0xFFFF:
        return int(text)
    hint = f"a port is a number from {least} to 65535"
    if "/" in text and text.partition("/")[0].isdigit():
        hint = "a path can follow only in a URL: https://host:port/path"
    raise UsageError("bad-target", f"{text!r} is no port", hint)


def split_port(text: str) -> tuple[str, str | None]:
    """Host and port of `host`, `host:port`, `v6` or `[v6]:port`; the port as written, None if there is none."""
    return _split(text, text)


def host_name(host: str) -> str:
    """A host's name in A-labels and lower case, or an address as it is; brackets around it are taken off.

    Raises:
        UsageError: `bad-target`: it is neither.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return bare if is_address(bare) else _name(host, host)


def server_name(text: str, option: str) -> str:
    """A name for a server that an option gives, as `host_name` has it.

    Raises:
        UsageError: `bad-target`: it is neither name nor address.
    """
    try:
        return host_name(text)
    except UsageError:
        hint = "write a host's name without a port, such as www.example.com, or an address; no pattern"
        raise UsageError("bad-target", f"{option}: {text!r} is no host name", hint) from None


def _unix(text: str, target: str) -> Endpoint:
    path = text.removeprefix(_UNIX)
    if path.startswith("//"):
        path = path[2:]  # unix:///run/x.sock, as in URLs
    if not path.strip("/@.") or "\0" in path:
        raise _bad(target, "it has no path", _A_SOCKET)
    if len(path.encode(errors="surrogateescape")) > _LONGEST_PATH:
        raise _bad(target, f"a socket's path has at most {_LONGEST_PATH} bytes")
    return Endpoint("", 0, is_address=False, path=path)


def _scheme(text: str, target: str) -> tuple[str, str]:
    """The scheme of a target, https where it has none, and what names host and port."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return "https", text
    scheme = scheme.lower()
    if scheme not in SCHEMES:
        raise _bad(target, f"the scheme {scheme}:// is not known", schemes.hint(scheme))
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return scheme, authority.rpartition("@")[2]


def _split(text: str, target: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, tail = text[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise _bad(target, "the brackets do not fit", "an IPv6 address with a port is written [::1]:443")
        if not is_address(host):
            raise _bad(target, f"{host!r} is no IPv6 address")
        return host, tail[1:] if tail else None
    if text.count(":") > 1:
        if is_address(text):
            return text, None
        raise _bad(target, "it has too many colons", "an IPv6 address with a port is written [::1]:443")
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _name(host: str, target: str) -> str:
    name = host if host.isascii() else _a_labels(host, target)
    name = name.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253:
        raise UsageError("bad-target", f"a host name has at most 253 characters, and this one has {len(name)}")
    if "/" in name:
        raise _bad(target, f"{host!r} is no host name", "a path can follow only in a URL: https://host/path")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise _bad(target, f"{host!r} is no host name", _why_no_name(labels))
    if _NUMBER.fullmatch(labels[-1]):
        # No top-level domain is a number, so that this can only be meant as an address (RFC 1123 section 2.1).
        raise _bad(target, f"{host!r} is no IPv4 address", "an IPv4 address is four numbers from 0 to 255: 192.0.2.7")
    return name.lower()


def _why_no_name(labels: list[str]) -> str | None:
    if any(len(label) > 63 for label in labels):
        return "between two dots there are at most 63 characters"
    if any(" " in label for label in labels):
        return "host and port are written host:port"
    return None


def _a_labels(host: str, target: str) -> str:
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise _bad(target, f"{host!r} is no host name: {error}") from error


def _is_in_family(host: str, family: int) -> bool:
    try:
        socket.inet_pton(family, host)
    except (OSError, ValueError):
        return False
    return True


def _bad(target: str, why: str, hint: str | None = None) -> UsageError:
    return UsageError("bad-target", f"cannot read the target {without_user(target)!r}: {why}", hint or schemes.FORMS)
