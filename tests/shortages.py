"""Servers that lack something: descriptors, threads, or room for one more client."""

from __future__ import annotations

import resource
import socket
import threading
from contextlib import ExitStack

import pytest
import zoo

from tlstool import serve
from tlstool.events import Event, Ready
from tlstool.requests import ServeRequest
from tlstool.serving.listening import listen
from tlstool.serving.stopping import Stop
from tlstool.sites import Connection


def of_descriptors(held: ExitStack) -> object:
    """Listen in a process that may open nothing more, until the stack is closed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    # Those that are open stay so.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    return listen("127.0.0.1:0", 1)


def of_threads(patch: pytest.MonkeyPatch) -> object:
    """Serve at a name, which a thread would look up."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    patch.setattr(threading.Thread, "start", refuse)
    return serve(ServeRequest(listen="localhost:0"))


def of_places(held: ExitStack) -> Connection:
    """What a server that takes one client at a time says of the second."""
    found: list[Connection] = []
    stop = held.enter_context(Stop())

    def on_event(event: Event) -> None:
        if isinstance(event, Ready):
            for _ in range(2):
                held.enter_context(socket.create_connection((event.address, event.port), timeout=zoo.LIMIT))
        elif isinstance(event, Connection) and not found:
            found.append(event)
            stop.request()

    serve(ServeRequest(max_connections=1, grace=0.0), on_event, stop)
    return found[0]
