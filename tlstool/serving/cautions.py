"""What the owner of a certificate should know before clients complain. It is served all the same: this is a tool for tests."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tlstool import certs, pem
from tlstool.events import Caution
from tlstool.model import Certificate, Identity


def of(identity: Identity, name: str | None = None) -> Iterator[Caution]:
    """What is wrong with the leaf; `name` is what clients will ask for, with `*.` for all names below, None for anything."""
    leaf = certs.summary(pem.certificates(identity.chain)[0])
    file = identity.chain_file
    if not leaf.sha256 or not leaf.not_after:
        return
    now = time.time()
    if certs.seconds(leaf.not_after) < now:
        yield Caution("expired", f"the certificate in {file} has expired: it was good until {leaf.not_after}")
    elif certs.seconds(leaf.not_before) > now:
        yield Caution("not-yet-valid", f"the certificate in {file} is not valid before {leaf.not_before}")
    if name is not None and not _covers(leaf, name):
        has = ", ".join(leaf.names) or "no name at all"
        yield Caution("name-mismatch", f"the certificate in {file} is not for {name}, but for {has}")


def _covers(leaf: Certificate, name: str) -> bool:
    """Whether the certificate is for the name, or for all beside it (RFC 9525 section 6.3)."""
    known = {one.lower() for one in leaf.names}
    return name in known or f"*.{name.partition('.')[2]}" in known
