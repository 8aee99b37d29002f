"""What a peer takes if it is offered all that OpenSSL has: a handshake for the sake of its outcome, and nothing after it."""

from __future__ import annotations

import socket

from tlstool.backends.openssl.channel import Channel
from tlstool.backends.openssl.context import client_context
from tlstool.backends.openssl.facts import Negotiated, negotiated
from tlstool.model import ClientConfig, Roots
from tlstool.phases import Deadline


def taken(sock: socket.socket, sni: str | None, deadline: Deadline) -> Negotiated:
    """What the peer behind a connected socket, which is closed, agrees to.

    Every version from TLS 1.0 on is offered, and every suite at security level 0. Nothing is verified, no certificate of ours is
    shown and no data sent.

    Raises:
        TlsToolError: the peer takes nothing of it, or no time was left.
    """
    everything = ClientConfig(verify_name=None, sni=sni, roots=Roots("none", ()), versions=("1.0", "1.1", "1.2", "1.3"))
    with sock:
        channel = Channel(sock, client_context(everything, verify=False), server_hostname=sni)
        channel.handshake(deadline)
        channel.send_close()
        channel.drain()
        return negotiated(channel)
