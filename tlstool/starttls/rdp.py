"""RDP, which negotiates its security in the connection request of X.224 ([MS-RDPBCGR] 2.2.1.1 and 2.2.1.2)."""

from __future__ import annotations

from struct import pack, unpack

from tlstool.starttls.replies import nonsense, not_offered, refuse
from tlstool.wire import Wire

_TPKT = 3
_CONNECTION_REQUEST, _CONNECTION_CONFIRM = 0xE0, 0xD0
_NEGOTIATION_REQUEST, _NEGOTIATION_RESPONSE, _NEGOTIATION_FAILURE = 1, 2, 3

_PROTOCOLS = {1: "TLS", 2: "CredSSP over TLS", 4: "RDSTLS over TLS", 8: "CredSSP with early authorization over TLS"}
# A server may insist on CredSSP, and its handshake is the same; the rest we could not go on with.
_WANTED = 1 | 2

_FAILURES = {
    1: "it insists on TLS",
    2: "it allows only the standard security of RDP",
    3: "it has no certificate",
    4: "its flags are inconsistent",
    5: "it insists on CredSSP",
    6: "it insists on TLS with a client certificate",
}


def rdp(wire: Wire, _name: str) -> str:
    """Ask for TLS, bare or with CredSSP inside."""
    negotiation = pack("<BBHI", _NEGOTIATION_REQUEST, 0, 8, _WANTED)
    # Length of what follows, code, two references and a class of 0 (X.224 section 13.3).
    request = pack(">BBHHB", 6 + len(negotiation), _CONNECTION_REQUEST, 0, 0, 0) + negotiation
    wire.send(pack(">BBH", _TPKT, 0, 4 + len(request)) + request)
    head = wire.exactly(4)
    version, _, size = unpack(">BBH", head)
    if version != _TPKT or size < 11:
        raise nonsense(head)
    answer = wire.exactly(size - 4)
    if answer[1] & 0xF0 != _CONNECTION_CONFIRM:
        raise nonsense(head + answer)
    if len(answer) < 15:
        not_offered("TLS", "it answers as servers did before there was a choice")
    kind, _, _, number = unpack("<BBHI", answer[7:15])
    if kind == _NEGOTIATION_FAILURE:
        refuse("TLS", _FAILURES.get(number, f"failure {number}"))
    if kind != _NEGOTIATION_RESPONSE:
        raise nonsense(answer)
    if number not in _PROTOCOLS:
        not_offered("TLS", "it takes the standard security of RDP" if number == 0 else f"it takes protocol {number}")
    return _PROTOCOLS[number]
