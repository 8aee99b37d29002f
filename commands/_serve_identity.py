"""What `serve` presents."""

from __future__ import annotations

from ._command import option
from ._options import FILE, all_of

identity_options = all_of(
    option(
        "--cert",
        panel="Identity",
        type=FILE,
        metavar="FILE",
        help="Certificate chain, PEM or DER; by default a throw-away one.",
    ),
    option("--key", panel="Identity", type=FILE, metavar="FILE", help="Its private key; by default in the file of --cert."),
)
