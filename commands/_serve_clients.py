"""What `serve` wants to know of its clients."""

from __future__ import annotations

from typing import Any

from ._command import option
from ._options import FILE, all_of

client_options = all_of(
    option(
        "--client-ca",
        panel="Clients",
        type=FILE,
        multiple=True,
        metavar="FILE|DIR",
        help="Authorities that clients' certificates have to come from. Repeatable.",
    ),
    option(
        "--require-client-cert",
        panel="Clients",
        is_flag=True,
        help="Refuse clients without a good certificate, with the alert that says why.",
    ),
    option(
        "--request-client-cert",
        panel="Clients",
        is_flag=True,
        help="Ask for a certificate, and go on whatever comes; the verdict is shown.",
    ),
    option(
        "--client-crl",
        panel="Clients",
        type=FILE,
        multiple=True,
        metavar="FILE",
        help="Check clients' certificates by this revocation list. Repeatable.",
    ),
)


def for_request(options: dict[str, Any]) -> dict[str, Any]:
    """The options with `client_certificate` in the place of the two flags.

    Raises:
        UsageError: both were given.
    """
    found = dict(options)
    require, request = found.pop("require_client_cert"), found.pop("request_client_cert")
    if require and request:
        from tlstool.errors import UsageError

        raise UsageError(
            "usage", "--require-client-cert and --request-client-cert contradict each other", "leave one of them out"
        )
    found["client_certificate"] = "require" if require else "request" if request else None
    return found
