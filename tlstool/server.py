"""Serve: listen, make what certificates are missing, and hand the accept loop to a backend."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from dataclasses import replace

from tlstool import backends, certs, machine, names, pem
from tlstool.errors import UsageError
from tlstool.events import OnEvent, Ready, ignore
from tlstool.model import Identity
from tlstool.requests import ServeRequest
from tlstool.serving import activation, announcing
from tlstool.serving.exhibition import MOST_THREADS, Exhibition
from tlstool.serving.listening import LOOPBACK, listen
from tlstool.serving.stopping import Stop
from tlstool.sites import HTTP_MODES, ServerConfig, ServeTotals, Service, Site


def serve(request: ServeRequest, on_event: OnEvent = ignore, stop: Stop | None = None) -> ServeTotals:
    """Serve until `stop` is requested or `request.count` connections have ended.

    `on_event` hears `Ready` once the server listens, then each `Connection` that ended.

    Raises:
        UsageError: the request makes no sense, or no backend can do it.
        LocalError: a file is no good, or the address cannot be listened on.
        TimeLimitError: the name of the address could not be looked up in time.
    """
    ciphers = tuple(names.suite(name) for name in request.ciphers)
    groups = tuple(names.group(name) for name in request.groups)
    name, _ = backends.choose(request.backend, tls=request.tls, ciphers=ciphers, groups=groups)
    announcing.check_descriptor(request.ready_fd)
    threads = request.threads or machine.cores()
    with ExitStack() as held:
        stop = stop or held.enter_context(Stop())
        exhibition = Exhibition(request)
        if exhibition.shows_all:
            threads = min(threads, MOST_THREADS)
        identity, ca_file = held.enter_context(exhibition.identity())
        sound = Site(
            identity=identity,
            service=_service(request),
            versions=request.tls,
            ciphers=ciphers,
            groups=groups,
            alpn=request.alpn,
            keylog=request.keylog,
        )
        passed = _passed(held, exhibition)
        config = ServerConfig(
            _beside(exhibition.sites(sound), [called for called, _ in passed]),
            threads=threads,
            count=request.count,
            duration=request.duration,
            grace=request.grace,
            keeps_sockets=bool(passed),
            tells=request.tells,
            counts_every=request.counts_every,
        )
        # Ready before it listens: what a backend refuses, it refuses before anyone is told that there is a server.
        server = backends.get(name).server(config)
        if passed:
            listeners = [[listener] for _, listener in passed]
        else:
            listeners = [[held.enter_context(listener) for listener in listen(request.listen, threads)]]
        first = listeners[0][0]
        further = exhibition.further_listeners(first)
        for own in further:
            held.enter_context(own[0])
        ready = _ready(first, config.sites[0].identity, ca_file, exhibition.name)
        faults = list(exhibition.events(further, _host(ready.address, ca_file))) if exhibition.shows_all else []
        held.enter_context(announcing.announced(ready, faults, port_file=request.port_file, ready_fd=request.ready_fd))
        held.enter_context(stop.telling(announcing.stopping))
        on_event(ready)
        for fault in faults:
            on_event(fault)
        return server.serve([*listeners, *further], on_event, stop.fd)


def _ready(listener: socket.socket, identity: Identity, ca_file: str | None, fault: str | None) -> Ready:
    address, port = listener.getsockname()[:2]
    fingerprint = certs.sha256(pem.certificates(identity.chain)[0])
    return Ready(address, port, f"https://{_host(address, ca_file)}:{port}/", ca_file, fingerprint, os.getpid(), fault)


def _host(address: str, ca_file: str | None) -> str:
    """What clients call the server in a URL: a throw-away certificate is for localhost."""
    if ca_file and address in (LOOPBACK, "::1"):
        return "localhost"
    return f"[{address}]" if ":" in address else address


def _service(request: ServeRequest) -> Service:
    if request.metrics and request.mode not in HTTP_MODES:
        hint = f"choose one of {', '.join(f'--{mode}' for mode in HTTP_MODES)}, or leave out --metrics"
        raise UsageError("usage", f"--metrics is a page, and --{request.mode} has none", hint)
    return Service(request.mode, request.metrics)


def _passed(held: ExitStack, exhibition: Exhibition) -> list[tuple[str | None, socket.socket]]:
    """The sockets that a service manager passed, each with what it calls it."""
    passed = activation.passed()
    for _, listener in passed:
        held.enter_context(listener)
    if exhibition.shows_all and len(passed) > 1:
        raise UsageError("usage", "all faults are shown beside one socket, and LISTEN_FDS names more", "pass one of them")
    return passed


def _beside(sites: tuple[Site, ...], called: list[str | None]) -> tuple[Site, ...]:
    """The same site once for each of several sockets, by the names that these have."""
    return sites if len(called) <= 1 else tuple(replace(sites[0], name=name) for name in called)
