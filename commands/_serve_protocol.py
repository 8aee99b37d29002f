"""What `serve` does within a TLS session."""

from __future__ import annotations

from ._command import option
from ._options import all_of
from ._types import Size

protocol_options = all_of(
    option(
        "--key-update-every",
        panel="Protocol",
        type=Size(least=1),
        metavar="SIZE",
        help="Renew the keys of a TLS 1.3 session each time that so much was sent, and ask the client to do the same.",
    ),
)
