"""Where a server passes connections on to: the upstream of a request, made what a backend has to know of it."""

from __future__ import annotations

from tlstool import endpoint, resolve
from tlstool.errors import UsageError
from tlstool.model import ClientConfig, Endpoint
from tlstool.phases import Trace
from tlstool.requests import ForwardRequest, ServeRequest, TlsOptions
from tlstool.sites import Forward


def forward(request: ServeRequest) -> Forward | None:
    """The upstream; None if there is none.

    Raises:
        UsageError: what is asked for makes no sense together, or the upstream's address none by itself.
        LocalError: a file is no good.
        ResolveError: the upstream's name has no address.
        TimeLimitError: the resolver did not answer in time.
    """
    if request.forward is None:
        if request.mode == "forward":
            raise UsageError("usage", "nothing says where to forward to", "name it with --forward HOST:PORT")
        return None
    if request.mode not in ("status", "forward"):
        raise UsageError("usage", f"--forward and --{request.mode} contradict each other", "leave one of them out")
    return _forward(request.forward)


def _forward(wanted: ForwardRequest) -> Forward:
    upstream = _upstream(wanted.target)
    addresses: tuple[str, ...] = ()
    if upstream.path is None:
        with Trace().phase("dns", upstream.host) as found:
            addresses = tuple(map(_written, resolve.resolve(upstream, found.deadline)))
    return Forward(
        addresses=addresses,
        path=upstream.path,
        tls=None if wanted.tls is None else _client(wanted.tls, upstream),
        proxy_protocol=wanted.proxy_protocol,
        limit=wanted.limit,
    )


def _upstream(target: str) -> Endpoint:
    hint = "write --forward HOST:PORT, [v6]:PORT or unix:/path"
    try:
        if not endpoint.is_unix(target) and ("/" in target or endpoint.split_port(target)[1] is None):
            raise UsageError("bad-target", f"{target!r} is no host and port", hint)
        return endpoint.parse(target)
    except UsageError as error:
        raise UsageError(error.code, f"--forward: {error.message}", hint) from None


def _client(options: TlsOptions, upstream: Endpoint) -> ClientConfig:
    """As `connect` would have it; what is to be said of a wrong name is said in the words of the options here."""
    from tlstool.peer import client_config

    if options.sni:
        endpoint.server_name(options.sni, "--forward-sni")
    if options.verify_name:
        endpoint.server_name(options.verify_name, "--forward-verify-name")
    if not (upstream.host or options.sni or options.verify_name or options.insecure):
        hint = "name it with --forward-sni NAME or --forward-verify-name NAME"
        raise UsageError("usage", f"{upstream} has no host whose name the certificate could have", hint)
    return client_config(options, upstream)


def _written(address: resolve.Address) -> str:
    """`192.0.2.1:443` or `[2001:db8::1]:443`; an interface of a link-local address by its number."""
    _, where = address
    host, port, *rest = where
    zone = f"%{rest[1]}" if rest and rest[1] else ""
    return endpoint.printable(f"{str(host).partition('%')[0]}{zone}", int(port))
