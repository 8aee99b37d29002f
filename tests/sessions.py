"""Sessions with a peer on the loopback, in a line each."""

from __future__ import annotations

import socket

from conftest import PATIENCE

from tlstool.backends.base import NOTHING, Backend, Offer, Session
from tlstool.model import ClientConfig, Handshake, Roots
from tlstool.phases import Deadline


def client_config(roots: Roots, name: str = "localhost") -> ClientConfig:
    return ClientConfig(verify_name=name, sni=name, roots=roots)


def connect(backend: Backend, port: int, config: ClientConfig, limit: float = PATIENCE, offer: Offer = NOTHING) -> Session:
    def dial() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    return backend.client(config).connect(dial(), Deadline.after(limit), dial, offer)


def shake(backend: Backend, port: int, config: ClientConfig) -> Handshake:
    """The handshake alone."""
    session = connect(backend, port, config)
    session.close(Deadline.after(1.0))
    return session.handshake


def is_openssl(backend: Backend) -> bool:
    return backend.info().name == "openssl"
