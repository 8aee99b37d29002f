"""Certificates for tests, written to files for reuse: an authority, and a leaf for a server and for a client, with their keys."""

from __future__ import annotations

import os
from datetime import timedelta

from tlstool import authority, certs, files
from tlstool.authority import Issued
from tlstool.errors import LocalError, cause
from tlstool.events import CertificatesMade
from tlstool.serving.presenting import throwaway_names

VALID = timedelta(days=365)
"""How long they are good for."""

_CLIENT_NAME = "tlstool-client"
_ROLES = ("ca", "server", "client")


def make_certificates(
    folder: str, san: tuple[str, ...] = (), key_type: str = "ecdsa-p256", *, overwrite: bool = False
) -> CertificatesMade:
    """Write `ca`, `server` and `client`, each as .pem with the certificate and .key with the key, into a folder.

    The keys (PKCS#8, not encrypted) can be read by their owner alone. The folder is made if it is not there.

    Args:
        folder: where to.
        san: names and addresses of the server besides localhost, 127.0.0.1 and ::1.
        key_type: of all three, as in `authority.new_key`.
        overwrite: whether files that are there already are replaced.

    Raises:
        UsageError: `bad-target`: a name is none.
        LocalError: `file-not-written`; nothing is written where a file is in the way.
    """
    names = throwaway_names(san)
    paths = {f"{role}{ending}": os.path.join(folder, f"{role}{ending}") for role in _ROLES for ending in (".pem", ".key")}
    in_the_way = next((path for path in paths.values() if os.path.lexists(path)), None)
    if in_the_way and not overwrite:
        hint = "give another folder, or --overwrite to replace it"
        raise LocalError("file-not-written", f"{in_the_way} is there already", hint)
    made = _made(names, key_type)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise LocalError("file-not-written", f"cannot make the folder {folder}: {cause(error)}") from None
    for role, issued in made.items():
        # The key first: whoever waits for the certificate may use both.
        files.write(paths[f"{role}.key"], issued.key_pem(), mode=0o600)
        files.write(paths[f"{role}.pem"], issued.certificate_pem())
    leaf = certs.summaries(made["server"].certificate_pem())[0]
    return CertificatesMade(
        ca=paths["ca.pem"],
        ca_key=paths["ca.key"],
        server=paths["server.pem"],
        server_key=paths["server.key"],
        client=paths["client.pem"],
        client_key=paths["client.key"],
        names=names,
        not_after=leaf.not_after,
        fingerprint=leaf.sha256,
    )


def _made(names: tuple[str, ...], key_type: str) -> dict[str, Issued]:
    root = authority.issue_authority("tlstool test CA", key_type, valid=VALID)
    return {
        "ca": root,
        "server": authority.issue_leaf(names, key_type, root, valid=VALID),
        "client": authority.issue_leaf((_CLIENT_NAME,), key_type, root, purpose="client", valid=VALID),
    }
