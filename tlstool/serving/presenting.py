"""What a server presents: the certificates that it was given, or throw-away ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from tlstool import authority, certs, endpoint, files, pem
from tlstool.errors import Unsupported, UsageError
from tlstool.model import Identity
from tlstool.record import Record
from tlstool.requests import ServeRequest
from tlstool.serving.folder import Folder
from tlstool.serving.given import Given, paired
from tlstool.serving.listening import LOOPBACK
from tlstool.serving.phrases import Phrases
from tlstool.serving.renewing import Sources
from tlstool.sites import NamedIdentity, Site

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

LOCAL_NAMES = ("localhost", LOOPBACK, "::1")
"""What every throw-away leaf is for, besides what is asked for."""

AUTO = "auto"
"""Stands for a staple that the throw-away authority makes."""


class Presentation(Record):
    """What a server begins with.

    Attributes:
        identities, named: as in `Site`.
        ca_file: where the throw-away CA's certificate is; None without one.
        sources: the files that the rest is out of, None for throw-away certificates.
    """

    identities: tuple[Identity, ...]
    named: tuple[NamedIdentity, ...] = ()
    ca_file: str | None = None
    sources: Sources | None = None


def fingerprints(site: Site) -> tuple[str, ...]:
    """SHA-256 of each leaf that clients who ask for no name may be shown; of its public key where that is all they are shown."""
    default = site.identities or tuple(one.identity for one in site.named[:1])
    leaves = (pem.certificates(identity.chain)[0] for identity in default)
    return tuple(certs.summary(leaf).spki_sha256 if site.raw_public_key else certs.sha256(leaf) for leaf in leaves)


def presentation(request: ServeRequest) -> AbstractContextManager[Presentation]:
    """What a request asks for; a throw-away CA's temporary file is gone at the end of the block.

    Raises:
        UsageError: the request contradicts itself.
        LocalError: a file is no good.
    """
    _refuse(request)
    if not request.cert and not request.sni_dir:
        return _throwaway(request)
    phrases = Phrases(request.pass_file)
    sources = Sources(Given(paired(request), phrases), Folder(request.sni_dir, phrases) if request.sni_dir else None)
    sources.load()
    phrases.settled()
    return nullcontext(Presentation(sources.identities, sources.named, sources=sources))


def throwaway_names(san: tuple[str, ...]) -> tuple[str, ...]:
    """The names and addresses of a throw-away leaf, in A-labels; `*.` may stand in front.

    Raises:
        UsageError: `bad-target`: one is neither name nor address.
    """
    more = (("*." if one.startswith("*.") else "") + endpoint.server_name(one.removeprefix("*."), "--san") for one in san)
    return tuple(dict.fromkeys((*LOCAL_NAMES, *more)))


@contextmanager
def _throwaway(request: ServeRequest) -> Iterator[Presentation]:
    names = throwaway_names(request.san)
    # One authority for each kind of key: a client that knows but one of them has to be able to verify all of the chain.
    types = request.key_types or ("ecdsa-p256",)
    made = [authority.throwaway(names, key_type, staple=request.staple == (AUTO,)) for key_type in types]
    identities = tuple(identity for identity, _ in made)
    ca = b"".join(certificate for _, certificate in made)
    if request.raw_public_key:
        yield Presentation(identities)
        return
    with published(ca, request.ca_out) as ca_file:
        yield Presentation(identities, ca_file=ca_file)


@contextmanager
def published(certificates: bytes, path: str | None = None) -> Iterator[str]:
    """A file with authorities' certificates: the one of that name, which stays, or a temporary one for as long as the server is.

    Raises:
        LocalError: `file-not-written`.
    """
    from tempfile import NamedTemporaryFile

    if path is not None:
        files.write(path, certificates)
        yield path
        return
    with NamedTemporaryFile(prefix="tlstool-ca-", suffix=".pem") as file:
        file.write(certificates)
        file.flush()
        yield file.name


def _refuse(request: ServeRequest) -> None:
    """What makes no sense, or cannot be done by anyone here."""
    if request.ech is not None:
        hint = "openssl s_server from 4.0 on, bssl server of BoringSSL, and Go's crypto/tls can do it"
        raise Unsupported("unsupported", "Rustls has no Encrypted Client Hello for servers, nor has Python's ssl", hint)
    throwaway = {
        "--san": bool(request.san),
        "--key-type": bool(request.key_types),
        "--ca-out": request.ca_out is not None,
        "--staple auto": AUTO in request.staple,
    }
    own = "--cert" if request.cert else "--sni-dir" if request.sni_dir else None
    wanted = next((option for option, is_wanted in throwaway.items() if is_wanted), None)
    if own and wanted:
        hint = f"leave out {wanted}, or {own}"
        raise UsageError("usage", f"{wanted} is for throw-away certificates, and {own} gives others", hint)
    if not request.cert and (request.key or request.staple not in ((), (AUTO,))):
        option = "--key" if request.key else "--staple"
        raise UsageError("usage", f"{option} needs --cert", f"name its certificate with --cert FILE, before or after {option}")
    if request.raw_public_key and (request.staple or request.ca_out):
        option = "--staple" if request.staple else "--ca-out"
        raise UsageError("usage", f"{option} is about a certificate, and --raw-public-key shows none", "leave one of them out")
