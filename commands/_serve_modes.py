"""What `serve` does for those who come."""

from __future__ import annotations

from ._command import option
from ._options import all_of

mode_options = all_of(
    option(
        "--status",
        "mode",
        panel="Service",
        flag_value="status",
        default=True,
        help="Show what was negotiated, over HTTP (default).",
    ),
    option("--echo", "mode", panel="Service", flag_value="echo", help="Send every byte back."),
)
