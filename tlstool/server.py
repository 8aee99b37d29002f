"""Serve: listen, make what certificates are missing, and hand the accept loop to a backend."""

from __future__ import annotations

import os
from contextlib import ExitStack

from tlstool import backends, certs, descriptors, machine, names, pem
from tlstool.events import OnEvent, Ready, ignore
from tlstool.requests import ServeRequest
from tlstool.serving.bounds import limits
from tlstool.serving.exhibition import MOST_THREADS, Exhibition
from tlstool.serving.forwarding import service
from tlstool.serving.listening import LOOPBACK, listen
from tlstool.serving.stopping import Stop
from tlstool.sites import ServerConfig, ServeTotals, Site


def serve(request: ServeRequest, on_event: OnEvent = ignore, stop: Stop | None = None) -> ServeTotals:
    """Serve until `stop` is requested or `request.count` connections have ended.

    `on_event` hears `Ready` once the server listens, then each `Connection` that ended.

    Raises:
        UsageError: the request makes no sense, or no backend can do it.
        LocalError: a file is no good, the address cannot be listened on, or the system has too little of something.
        ResolveError: the upstream's name has no address.
        TimeLimitError: the name of an address could not be looked up in time.
    """
    ciphers = tuple(names.suite(name) for name in request.ciphers)
    groups = tuple(names.group(name) for name in request.groups)
    name, _ = backends.choose(request.backend, tls=request.tls, ciphers=ciphers, groups=groups)
    threads = request.threads or machine.cores()
    with ExitStack() as held:
        held.enter_context(descriptors.all_allowed())
        stop = stop or held.enter_context(Stop())
        exhibition = Exhibition(request)
        if exhibition.shows_all:
            threads = min(threads, MOST_THREADS)
        identity, ca_file = held.enter_context(exhibition.identity())
        sound = Site(
            identity=identity,
            service=service(request),
            versions=request.tls,
            ciphers=ciphers,
            groups=groups,
            alpn=request.alpn,
            keylog=request.keylog,
            key_update_every=request.key_update_every,
        )
        config = ServerConfig(exhibition.sites(sound), limits(request), threads=threads, count=request.count, grace=request.grace)
        # Ready before it listens: what a backend refuses, it refuses before anyone is told that there is a server.
        server = backends.get(name).server(config)
        listeners = [held.enter_context(listener) for listener in listen(request.listen, threads)]
        further = exhibition.further_listeners(listeners[0])
        for own in further:
            held.enter_context(own[0])
        address, port = listeners[0].getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        host = "localhost" if ca_file and address in (LOOPBACK, "::1") else shown
        fingerprint = certs.sha256(pem.certificates(config.sites[0].identity.chain)[0])
        on_event(Ready(address, port, f"https://{host}:{port}/", ca_file, fingerprint, os.getpid(), exhibition.name))
        if exhibition.shows_all:
            for event in exhibition.events(further, host):
                on_event(event)
        return server.serve([listeners, *further], on_event, stop.fd)
