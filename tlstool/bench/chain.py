"""The chain that `bench local` measures with: made on the spot, or the caller's own. Knows nothing of benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tlstool import authority, certs, endpoint, identities, pem
from tlstool.errors import LocalError
from tlstool.model import Certificate

NAME = "localhost"
"""The name in the certificates that are made here."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What a server shows and a client trusts.

    Attributes:
        key_type: of the leaf: `ecdsa-p256`, `rsa-2048` and the like.
        name: a DNS name of the leaf, to be sent and verified.
        chain: PEM, leaf and intermediates as they are sent.
        key: PEM of the leaf's private key, not encrypted.
        root: PEM of what is trusted.
        client_chain, client_key: the same for a client that shows a certificate, too; empty for one that does not.
    """

    key_type: str
    name: str
    chain: str
    key: str = field(repr=False)
    root: str
    client_chain: str = ""
    client_key: str = field(default="", repr=False)


def make(key_type: str, *, client_auth: bool = False) -> Chain:
    """A chain of three: root, intermediate, and a leaf for localhost, all with keys of `key_type` (of `plan.KEY_TYPES`).

    Leaf and intermediate are sent and the root is trusted, as in the published comparisons of TLS libraries.
    """
    root = authority.issue_authority("tlstool bench root", key_type, depth=1)
    intermediate = authority.issue_authority("tlstool bench intermediate", key_type, root)
    leaf = authority.issue_leaf((NAME,), key_type, intermediate)
    between = intermediate.certificate_pem()
    made = Chain(
        key_type=key_type,
        name=NAME,
        chain=(leaf.certificate_pem() + between).decode(),
        key=leaf.key_pem().decode(),
        root=root.certificate_pem().decode(),
    )
    if not client_auth:
        return made
    client = authority.issue_leaf(("client",), key_type, intermediate, purpose="client")
    return replace(made, client_chain=(client.certificate_pem() + between).decode(), client_key=client.key_pem().decode())


def load(cert: str, key: str, ca: str, *, client_auth: bool = False) -> Chain:
    """The caller's own chain: files (PEM or DER) with leaf and intermediates, with the leaf's key, and with the root.

    A client that shows a certificate shows the same.

    Raises:
        LocalError: a file is missing or not what it should be.
    """
    identity = identities.read(cert, key)
    chain = certs.summaries(identity.chain)
    sent, private = _text(chain), pem.key_text(identity.key)
    return Chain(
        key_type=chain[0].key_type,
        name=_name(chain[0], identity.chain_file),
        chain=sent,
        key=private,
        root=_text(certs.summaries(certs.read_chain(ca))),
        client_chain=sent if client_auth else "",
        client_key=private if client_auth else "",
    )


def _text(chain: Sequence[Certificate]) -> str:
    return "".join(certificate.pem for certificate in chain)


def _name(leaf: Certificate, file: str) -> str:
    """The first DNS name of the leaf that is not a pattern; localhost if it is among them."""
    if not leaf.spki_sha256:
        raise LocalError("bad-certificate-file", f"the first certificate in {file} cannot be read")
    usable = [name for name in leaf.names if not name.startswith("*") and not endpoint.is_address(name)]
    if not usable:
        raise LocalError("bad-certificate-file", f"the first certificate in {file} is for no DNS name that could be verified")
    return NAME if NAME in usable else usable[0]
