"""The options about the way to a peer, and what becomes of them in a request."""

from __future__ import annotations

from typing import Any

from ._command import option
from ._options import FILE, all_of
from ._types import PhaseLimit, Whole

address_options = all_of(
    option("-4", "--ipv4", "ipv4", panel="Target", is_flag=True, help="Use IPv4 addresses only."),
    option("-6", "--ipv6", "ipv6", panel="Target", is_flag=True, help="Use IPv6 addresses only."),
    option(
        "--resolve",
        panel="Target",
        multiple=True,
        metavar="HOST:PORT:ADDR",
        help="Take this address for that host and port; * is any host. Repeatable.",
    ),
    option(
        "--dns", panel="Target", metavar="SERVER", help="Ask this name server, as ADDR or ADDR:PORT, not the system's resolver."
    ),
    option(
        "--retries",
        panel="Target",
        type=Whole(0, 100),
        default=0,
        metavar="N",
        help="Try so many times more, with pauses, where no connection comes about.",
    ),
    option(
        "--limit",
        panel="Target",
        type=PhaseLimit(),
        multiple=True,
        metavar="PHASE=TIME",
        help="Limit of a phase: dns, tcp, proxy, starttls, handshake, expect, quiet, answer or close. Repeatable.",
    ),
)
"""For every mode that connects."""

way_options = all_of(
    option("--bind", panel="Target", metavar="ADDR", help="Connect from this address of ours, as ADDR or ADDR:PORT."),
    option(
        "--proxy",
        panel="Target",
        metavar="URL",
        help="Go through this proxy: http://[USER@]HOST:PORT, socks5h://, socks5:// or socks4a://. By default the one of "
        "HTTPS_PROXY or ALL_PROXY, as for curl.",
    ),
    option(
        "--proxy-pass-file", panel="Target", type=FILE, metavar="FILE", help="The password of the proxy's user: its first line."
    ),
    option(
        "--no-proxy",
        panel="Target",
        metavar="LIST",
        help="Hosts to reach without a proxy; * is all. By default those of NO_PROXY.",
    ),
)
"""For the modes that a proxy does not distort."""


def for_request(options: dict[str, Any], target: str | None) -> dict[str, Any]:
    """The values of the options above as the fields of `TlsOptions`; the rest is left as it is.

    A password that the way to `target` takes is read, or asked for at the terminal; None needs no way.

    Raises:
        UsageError: two options contradict each other, or nobody can be asked.
        LocalError: the file of the password is no good.
    """
    from tlstool.errors import UsageError

    found = dict(options)
    ipv4, ipv6 = found.pop("ipv4"), found.pop("ipv6")
    if ipv4 and ipv6:
        raise UsageError("usage", "-4 and -6 contradict each other", "leave both out to take either family")
    found["limits"] = found.pop("limit")
    found["family"] = "ipv4" if ipv4 else "ipv6" if ipv6 else None
    if "proxy_pass_file" in found:
        file = found.pop("proxy_pass_file")
        found["proxy_password"] = target and _password(target, found["proxy"], found["no_proxy"], file)
    return found


def _password(target: str, given: str | None, bypass: str | None, file: str | None) -> str | None:
    import os

    from tlstool import endpoint, passphrase, proxy
    from tlstool.errors import UsageError

    chosen = proxy.choose(endpoint.parse(target), given, bypass, os.environ)
    if chosen is None or chosen.user is None or chosen.password is not None or chosen.scheme.startswith("socks4"):
        return None
    if file:
        return _first_line(file)
    hint = "give it with --proxy-pass-file FILE"
    nobody = UsageError("usage", "the proxy's user has no password, and there is no terminal to ask at", hint)
    return passphrase.ask(f"Password of {chosen.user} at {chosen}: ", nobody)


def _first_line(file: str) -> str:
    from tlstool import passphrase
    from tlstool.errors import LocalError

    try:
        return passphrase.read(file).decode()
    except UnicodeDecodeError:
        raise LocalError("file-unreadable", f"{file} is no text") from None
