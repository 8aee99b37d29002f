"""What `serve` presents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._command import option
from ._options import FILE, all_of, flat
from ._types import OneOf

if TYPE_CHECKING:
    from tlstool.output.console import Console

_KEY_TYPES = ("ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519")

given_options = all_of(
    option(
        "--cert",
        panel="Identity",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="Certificate with its chain: PEM, DER or PKCS#12; by default a throw-away one. Repeatable: the client's name and "
        "signature schemes decide which it is shown.",
    ),
    option(
        "--key",
        panel="Identity",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="Its private key; by default in the file of --cert. One for each --cert, in the same order.",
    ),
    option(
        "--pass-file",
        panel="Identity",
        type=FILE,
        metavar="FILE",
        help="The pass phrase of encrypted keys: the first line; by default the terminal is asked.",
    ),
    option(
        "--sni-dir",
        panel="Identity",
        type=FILE,
        metavar="DIR",
        help="Certificates by the name that clients ask for: DIR/www.a.test.pem, or *.a.test.pem, each with chain and key; "
        "files that are added, replaced or removed count from the next handshake on.",
    ),
    option(
        "--sni-strict",
        panel="Identity",
        is_flag=True,
        help="Answer a name without a certificate, or none, by the alert unrecognized_name instead of the default certificate.",
    ),
    option(
        "--staple",
        panel="Identity",
        type=FILE,
        multiple=True,
        metavar="FILE|auto",
        help="Staple this OCSP response in DER, one for each --cert; auto: one that the throw-away CA makes.",
    ),
)

throwaway_options = all_of(
    option(
        "--key-type",
        "key_types",
        panel="Throw-away certificates",
        type=OneOf(*_KEY_TYPES, what="key type"),
        multiple=True,
        callback=flat,
        metavar="LIST",
        help=f"Kinds of key, one certificate each: {', '.join(_KEY_TYPES)}; by default ecdsa-p256.",
    ),
    option(
        "--san",
        panel="Throw-away certificates",
        multiple=True,
        metavar="NAME",
        help="A name or address besides localhost, 127.0.0.1 and ::1. Repeatable.",
    ),
    option(
        "--ca-out",
        panel="Throw-away certificates",
        type=FILE,
        metavar="FILE",
        help="Write the CA's certificate here, and leave it there.",
    ),
    option(
        "--make-certs",
        panel="Throw-away certificates",
        type=FILE,
        metavar="DIR",
        help="Write a CA, a server's and a client's certificate with their keys to files for reuse, and stop.",
    ),
    option(
        "--overwrite",
        panel="Throw-away certificates",
        is_flag=True,
        help="Let --make-certs replace files that are there already.",
    ),
)

form_options = all_of(
    option(
        "--raw-public-key",
        panel="Identity",
        is_flag=True,
        help="Show the public key without a certificate (RFC 7250), in TLS 1.3. Clients that do not offer to take that get an "
        "alert: openssl before 3.2, curl, browsers, Go, Java and Python among them.",
    ),
    option(
        "--cert-compression",
        panel="Identity",
        type=OneOf("brotli", "zlib", "off", what="compression of certificates"),
        metavar="LIST",
        help="Compress the chain by these for clients that offer one of them (RFC 8879): brotli, zlib; or off. Both by default.",
    ),
    option(
        "--ech",
        panel="Identity",
        is_flag=False,
        flag_value="",
        metavar="[FILE]",
        help="Take Encrypted Client Hellos: not in Rustls yet, and refused with a word on what can do it.",
    ),
)

identity_options = all_of(given_options, form_options, throwaway_options)


def for_request(options: dict[str, Any]) -> dict[str, Any]:
    """The values of these options as the fields of `ServeRequest`.

    Raises:
        UsageError: two of them contradict each other.
    """
    from tlstool.errors import UsageError

    found = dict(options)
    if found.pop("overwrite"):
        raise UsageError("usage", "--overwrite is for --make-certs alone", "leave it out")
    found.pop("make_certs")
    compression = found["cert_compression"]
    if compression and "off" in compression:
        if len(compression) > 1:
            raise UsageError("usage", "--cert-compression is off, or a list of algorithms", "leave out off, or the others")
        found["cert_compression"] = ()
    return found


def make_certificates(console: Console, options: dict[str, Any], *, as_json: bool) -> None:
    """What --make-certs is for.

    Raises:
        UsageError: an option makes no sense with it.
        LocalError: a file is in the way, or cannot be written.
    """
    from tlstool.errors import UsageError
    from tlstool.output import jsonout
    from tlstool.output.human import serving
    from tlstool.serving.making import make_certificates

    others = (
        "cert",
        "key",
        "pass_file",
        "sni_dir",
        "sni_strict",
        "staple",
        "ca_out",
        "raw_public_key",
        "cert_compression",
        "ech",
    )
    if given := [name for name in others if options[name]]:
        raise UsageError("usage", f"--make-certs serves nothing, and --{given[0].replace('_', '-')} is for that", "leave it out")
    if len(options["key_types"]) > 1:
        raise UsageError("usage", "--make-certs makes one certificate of each sort", "give one --key-type")
    key_type = next(iter(options["key_types"]), "ecdsa-p256")
    made = make_certificates(options["make_certs"], options["san"], key_type, overwrite=options["overwrite"])
    console.result(jsonout.line(jsonout.event(made)) if as_json else serving.made(made))
