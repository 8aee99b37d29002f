"""Serve: listen, make what certificates are missing, and hand the accept loop to a backend."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from tlstool import backends, descriptors, machine, names
from tlstool.errors import UsageError
from tlstool.events import OnEvent, Ready, ignore
from tlstool.requests import ServeRequest
from tlstool.serving import activation, announcing, clients, presenting, services
from tlstool.serving.bounds import limits
from tlstool.serving.exhibition import MOST_THREADS, Exhibition
from tlstool.serving.listening import LOOPBACK, exposure, listen
from tlstool.serving.renewing import renewing
from tlstool.serving.stopping import Stop
from tlstool.sites import HTTP_MODES, ServerConfig, ServeTotals, Service, Site


def serve(request: ServeRequest, on_event: OnEvent = ignore, stop: Stop | None = None) -> ServeTotals:
    """Serve until `stop` is requested or `request.count` connections have ended.

    `on_event` hears, in the calling thread, `Ready` once the server listens, then each `Connection` that ended, and `Caution` and
    `Renewed` of certificates out of files.

    Raises:
        UsageError: the request makes no sense, or no backend can do it.
        LocalError: a file is no good, the address cannot be listened on, or the system has too little of something.
        ResolveError: the upstream's name has no address.
        TimeLimitError: the name of an address could not be looked up in time.
    """
    site = _site(request)
    backend, _ = backends.choose(request.backend, tls=request.tls, ciphers=site["ciphers"], groups=site["groups"])
    announcing.check_descriptor(request.ready_fd)
    with ExitStack() as held:
        held.enter_context(descriptors.all_allowed())
        stop = stop or held.enter_context(Stop())
        exhibition = Exhibition(request)
        presented = held.enter_context(exhibition.presentation())
        passed = _passed(held, exhibition)
        sound = Site(identities=presented.identities, named=presented.named, service=_service(request), **site)
        config = _config(request, _beside(exhibition.sites(sound), [called for called, _ in passed]), bool(passed))
        # Ready before it listens: what a backend refuses, it refuses before anyone is told that there is a server.
        server = backends.get(backend).server(config)
        if passed:
            listeners = [[listener] for _, listener in passed]
        else:
            listeners = [[held.enter_context(listener) for listener in listen(request.listen, config.threads)]]
        further = exhibition.further_listeners(listeners[0][0])
        for own in further:
            held.enter_context(own[0])
        ready, host = _ready(listeners[0][0], presented.ca_file, config.sites[0], exhibition)
        faults = list(exhibition.events(further, host)) if exhibition.shows_all else []
        held.enter_context(announcing.announced(ready, faults, port_file=request.port_file, ready_fd=request.ready_fd))
        held.enter_context(stop.telling(announcing.stopping))
        on_event(ready)
        if caution := exposure(ready.address):
            on_event(caution)
        for fault in faults:
            on_event(fault)
        renewed = held.enter_context(renewing(presented.sources, server, on_event, stop)) if presented.sources else None
        return server.serve([*listeners, *further], on_event, stop.fd, renewed)


def _site(request: ServeRequest) -> dict[str, Any]:
    """The fields of a `Site` that the request has, but for the certificates and the service."""
    return {
        "sni_strict": request.sni_strict,
        "raw_public_key": request.raw_public_key,
        "cert_compression": request.cert_compression,
        "versions": request.tls,
        "ciphers": tuple(names.suite(name) for name in request.ciphers),
        "groups": tuple(names.group(name) for name in request.groups),
        "alpn": request.alpn,
        "keylog": request.keylog,
        "client_auth": clients.auth(request),
        "sessions": clients.sessions(request),
        "key_update_every": request.key_update_every,
    }


def _config(request: ServeRequest, sites: tuple[Site, ...], keeps_sockets: bool) -> ServerConfig:
    threads = request.threads or machine.cores()
    return ServerConfig(
        sites,
        limits(request),
        threads=min(threads, MOST_THREADS) if len(sites) > 1 else threads,
        count=request.count,
        duration=request.duration,
        grace=request.grace,
        keeps_sockets=keeps_sockets,
        tells=request.tells,
        counts_every=request.counts_every,
    )


def _ready(listener: socket.socket, ca_file: str | None, site: Site, exhibition: Exhibition) -> tuple[Ready, str]:
    """The event, and the host of its URL."""
    address, port = listener.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    host = "localhost" if ca_file and address in (LOOPBACK, "::1") else shown
    prints = presenting.fingerprints(site)
    return Ready(address, port, f"https://{host}:{port}/", ca_file, prints[0], prints, os.getpid(), exhibition.name), host


def _service(request: ServeRequest) -> Service:
    chosen = services.service(request)
    if request.metrics and chosen.mode not in HTTP_MODES:
        hint = f"choose one of {', '.join(f'--{mode}' for mode in HTTP_MODES)}, or leave out --metrics"
        raise UsageError("usage", f"--metrics is a page, and --{chosen.mode} has none", hint)
    return replace(chosen, metrics=request.metrics)


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
