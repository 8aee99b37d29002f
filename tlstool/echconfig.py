"""Where configurations for Encrypted Client Hello come from: a file, or the DNS (RFC 9848). What is in them, the engine reads."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

from tlstool import endpoint, files, nameserver, pem
from tlstool.errors import LocalError
from tlstool.model import Endpoint

if TYPE_CHECKING:
    from tlstool.nameserver import Server
    from tlstool.phases import Deadline

# SvcParamKey ech (RFC 9848 section 3).
_ECH = 5

# Records in AliasMode that lead to further ones (RFC 9460 section 2.4.2).
_LONGEST_CHAIN = 8


def from_file(path: str) -> bytes:
    """An `ECHConfigList` that is there as PEM (RFC 9934), as base64, as the zone file has it, or as it is.

    Raises:
        LocalError: `file-missing`, `file-unreadable` or `bad-ech-config`.
    """
    data = files.read(path)
    if b"-----BEGIN " in data:
        try:
            lists = pem.blocks(data, "ECHCONFIG")
        except ValueError as error:
            raise LocalError("bad-ech-config", f"{path} {error}") from None
        if not lists:
            raise LocalError("bad-ech-config", f"{path} has no ECHCONFIG in it")
        return lists[0]
    if _is_list(data):
        return data
    try:
        text = data.decode("ascii").strip().removeprefix("ech=").strip('"')
        decoded = binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except (UnicodeDecodeError, binascii.Error):
        decoded = b""
    if not _is_list(decoded):
        raise LocalError("bad-ech-config", f"{path} is no ECHConfigList")
    return decoded


def from_dns(peer: Endpoint, server: Server | None, deadline: Deadline) -> tuple[bytes, ...]:
    """The lists in a peer's HTTPS records, the most preferred record first; empty if there is none.

    Raises:
        ResolveError: there is no such name, or no server says.
        TimeLimitError: there was no answer in time.
    """
    # RFC 9460 section 9.1: the port is part of the name that is asked for, unless it is the usual one.
    name = peer.host if peer.port == endpoint.HTTPS else f"_{peer.port}._https.{peer.host}"
    for _ in range(_LONGEST_CHAIN):
        records = sorted(nameserver.ask(name, "HTTPS", deadline, server) or (), key=lambda record: int(record.priority))
        aliases = [record for record in records if record.priority == 0]
        if not aliases:
            found = [record.params.get(_ECH) for record in records]
            return tuple(dict.fromkeys(parameter.ech for parameter in found if parameter is not None))
        name = aliases[0].target.to_text(omit_final_dot=True)
        if not name:
            # An alias to the root says that there is no such service (RFC 9460 section 2.5.1).
            return ()
    return ()


def _is_list(data: bytes) -> bool:
    """Whether the length at its head is its own (RFC 9849 section 4)."""
    return len(data) > 2 and int.from_bytes(data[:2]) == len(data) - 2
