"""Serve: listen, make what certificates are missing, and hand the accept loop to a backend."""

from __future__ import annotations

import os
from contextlib import ExitStack

from tlstool import backends, certs, descriptors, machine, names, pem
from tlstool.events import OnEvent, Ready, ignore
from tlstool.requests import ServeRequest
from tlstool.serving import presenting
from tlstool.serving.bounds import limits
from tlstool.serving.listening import LOOPBACK, listen
from tlstool.serving.stopping import Stop
from tlstool.sites import ServerConfig, ServeTotals, Service, Site


def serve(request: ServeRequest, on_event: OnEvent = ignore, stop: Stop | None = None) -> ServeTotals:
    """Serve until `stop` is requested or `request.count` connections have ended.

    `on_event` hears `Ready` once the server listens, then each `Connection` that ended.

    Raises:
        UsageError: the request makes no sense, or no backend can do it.
        LocalError: a file is no good, the address cannot be listened on, or the system has too little of something.
        TimeLimitError: the name of the address could not be looked up in time.
    """
    ciphers = tuple(names.suite(name) for name in request.ciphers)
    groups = tuple(names.group(name) for name in request.groups)
    name, _ = backends.choose(request.backend, tls=request.tls, ciphers=ciphers, groups=groups)
    threads = request.threads or machine.cores()
    with ExitStack() as held:
        held.enter_context(descriptors.all_allowed())
        stop = stop or held.enter_context(Stop())
        identity, ca_file = held.enter_context(presenting.identity(request))
        site = Site(
            identity=identity,
            service=Service(request.mode),
            versions=request.tls,
            ciphers=ciphers,
            groups=groups,
            alpn=request.alpn,
            keylog=request.keylog,
        )
        config = ServerConfig((site,), limits(request), threads=threads, count=request.count, grace=request.grace)
        # Ready before it listens: what a backend refuses, it refuses before anyone is told that there is a server.
        server = backends.get(name).server(config)
        listeners = [held.enter_context(listener) for listener in listen(request.listen, threads)]
        address, port = listeners[0].getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        url = f"https://{'localhost' if ca_file and address in (LOOPBACK, '::1') else shown}:{port}/"
        fingerprint = certs.sha256(pem.certificates(identity.chain)[0])
        on_event(Ready(address, port, url, ca_file, fingerprint, os.getpid()))
        return server.serve([listeners], on_event, stop.fd)
