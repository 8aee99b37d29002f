"""Which proxy leads to a peer: the one that was given, or the environment's, and for which hosts there is none, as curl has it.

Knows nothing of what is said to a proxy; that is `tunnel`. A password is never in what this prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from tlstool.endpoint import host_name, is_address, parse_port, printable, split_port
from tlstool.errors import UsageError
from tlstool.model import Endpoint
from tlstool.record import Record

_PORT = 1080
"""Of every kind of proxy whose URL names none, as for curl."""

# Whether the proxy finds the peer's address, or we do and hand it over.
_RESOLVES = {"http": True, "socks4": False, "socks4a": True, "socks5": False, "socks5h": True}

_SCHEMES = "http://, socks5h://, socks5://, socks4a:// or socks4://"

# RFC 1929 section 2: each has its length in one byte.
_LONGEST_CREDENTIAL = 255


class Proxy(Record):
    """A proxy on the way to a peer.

    Attributes:
        scheme: http (CONNECT), socks4, socks4a, socks5 or socks5h.
        host, port, is_address: where it is, as in `Endpoint`.
        user, password: to give if it asks; None for none.
        origin: where it was named: an option, or a variable of the environment.
    """

    scheme: str
    host: str
    port: int
    is_address: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    origin: str = "--proxy"

    def __str__(self) -> str:
        return f"{self.scheme}://{printable(self.host, self.port)}"

    @property
    def resolves(self) -> bool:
        """Whether the proxy takes a peer's name and finds the address itself."""
        return _RESOLVES[self.scheme]

    @property
    def endpoint(self) -> Endpoint:
        """Where to connect."""
        return Endpoint(self.host, self.port, self.is_address)


def choose(peer: Endpoint, given: str | None, bypass: str | None, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy that leads to `peer`; None to connect to the peer itself.

    `given` is a URL and goes before the environment's; an empty one is no proxy at all. `bypass` lists hosts that are reached
    without any, and goes before NO_PROXY. As for curl, such a list counts for a given proxy as well.

    Raises:
        UsageError: `bad-proxy`.
    """
    if peer.path is not None or given == "":
        return None
    url, origin = (given, "--proxy") if given else _of_environment(peer.scheme, environment)
    if not url:
        return None
    hosts = bypass if bypass is not None else _variable("no_proxy", environment)[0]
    return None if hosts and is_exempt(peer.host, hosts) else parse(url, origin)


def parse(url: str, origin: str = "--proxy") -> Proxy:
    """The proxy that a URL names: `http://[USER[:PASSWORD]@]HOST[:PORT]`; without a scheme it is http.

    Raises:
        UsageError: `bad-proxy`, with what is wrong with it.
    """
    from urllib.parse import unquote

    scheme, separator, rest = url.strip().partition("://")
    if not separator:
        scheme, rest = "http", scheme
    scheme = scheme.lower()
    if scheme == "https":
        raise _bad(origin, "a proxy that is itself reached over TLS (https://) is not supported", "give its http:// port")
    if scheme not in _RESOLVES:
        raise _bad(origin, f"{scheme}:// is no kind of proxy", f"write {_SCHEMES}")
    # Whatever stands before the last "@" may be a password, and comes into no message.
    userinfo, at, place = rest.rpartition("@")
    try:
        host, port = split_port(place.partition("/")[0])
        host, number = host_name(host), _PORT if port is None else parse_port(port)
    except UsageError as error:
        raise _bad(origin, error.message, error.hint) from None
    user, colon, password = userinfo.partition(":")
    found = Proxy(
        scheme=scheme,
        host=host,
        port=number,
        is_address=is_address(host),
        user=unquote(user) if at else None,
        password=unquote(password) if colon else None,
        origin=origin,
    )
    _check_credentials(found)
    return found


def with_password(proxy: Proxy, password: str) -> Proxy:
    """The proxy with the password that its URL left out.

    Raises:
        UsageError: `bad-proxy`: such a proxy cannot be told that password.
    """
    from dataclasses import replace

    complete = replace(proxy, password=password)
    _check_credentials(complete)
    return complete


def is_exempt(host: str, hosts: str) -> bool:
    """Whether a list such as NO_PROXY has the host, as curl reads it.

    The list has names, addresses and networks (`10.0.0.0/8`) with commas or blanks between them. A name stands for itself and for
    all below it, with a leading dot or without; "*" alone is everything.
    """
    if hosts.strip() == "*":
        return True
    listed = [one.strip("[]") for one in hosts.replace(",", " ").split()]
    if is_address(host):
        return any(_holds(network, host) for network in listed)
    name = host.rstrip(".").lower()
    domains = (one.strip(".").lower() for one in listed)
    return any(domain and (name == domain or name.endswith(f".{domain}")) for domain in domains)


def _of_environment(scheme: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """URL and name of the variable that counts for a peer of this scheme; empty for none."""
    for variable in (f"{scheme}_proxy", "all_proxy"):
        url, name = _variable(variable, environment)
        if url:
            return url, name
    return "", ""


def _variable(name: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Value and spelling of a variable that may be written in capitals; small letters go first, as for curl."""
    return next(((environment[one], one) for one in (name, name.upper()) if environment.get(one)), ("", name))


def _holds(network: str, host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host.partition("%")[0]) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _check_credentials(proxy: Proxy) -> None:
    for word, text in (("user", proxy.user), ("password", proxy.password)):
        if text is None:
            continue
        if any(ord(letter) < 0x20 or letter == "\x7f" for letter in text):
            raise _bad(proxy.origin, f"its {word} has a control character")
        if proxy.scheme != "http" and (not text.isascii() or len(text) > _LONGEST_CREDENTIAL):
            raise _bad(proxy.origin, f"SOCKS knows only a {word} of at most {_LONGEST_CREDENTIAL} ASCII characters")
    if proxy.scheme == "http" and ":" in (proxy.user or ""):
        raise _bad(proxy.origin, "a user of HTTP has no colon (RFC 7617 section 2)")


def _bad(origin: str, why: str, hint: str | None = None) -> UsageError:
    return UsageError("bad-proxy", f"cannot use the proxy of {origin}: {why}", hint)
